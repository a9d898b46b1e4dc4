package httpprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/probes/celcheck"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// judge reads the last answer and says what is wrong with it: its status,
// then its size, then its content.
func (l *look) judge(ctx context.Context, at *url.URL, resp *http.Response) error {
	good := visit.GoodStatus(l.options.Status, resp.StatusCode)
	var kept bytes.Buffer
	sink := io.Discard
	if l.options.Body.Any() || l.options.Check != nil || (!good && at.Scheme == "http") {
		sink = &kept
	}
	var err error
	if resp.ContentLength > l.options.MaxBody {
		err = probe.Fail(probe.TooLarge, probe.PhaseTransfer,
			fmt.Errorf("the body is %d bytes long, and the probe reads at most %d", resp.ContentLength, l.options.MaxBody))
	} else {
		l.last.read, err = l.readBody(sink, resp.Body)
		switch {
		case err != nil:
			err = l.answerError(ctx, probe.PhaseTransfer, err)
		case l.last.read > l.options.MaxBody:
			err = probe.Fail(probe.TooLarge, probe.PhaseTransfer, fmt.Errorf("the body is longer than %d bytes", l.options.MaxBody))
		}
	}
	l.kept = kept.Bytes()
	var ours *probe.Unmeasured
	switch {
	case errors.As(err, &ours):
		return err
	case !good && at.Scheme == "http" && resp.StatusCode == http.StatusBadRequest && wantsTLS(kept.Bytes()):
		return probe.Fail(probe.Protocol, probe.PhaseProcessing,
			errors.New("the server wants TLS on this port: write the target with https://"))
	case !good:
		return probe.Fail(probe.Status, probe.PhaseProcessing, visit.WrongStatus(l.options.Status, resp.StatusCode))
	}
	if wrong := l.judgeHeader(at, resp); wrong != nil {
		return wrong
	}
	if err != nil {
		return err
	}
	return l.judgeBody(ctx, kept.Bytes())
}

// readBody copies the body, unpacked, up to a byte more than it may have.
func (l *look) readBody(sink io.Writer, body io.Reader) (int64, error) {
	unpacked, err := unpack(l.options.Compression, body)
	if err != nil {
		return 0, err
	}
	return io.Copy(sink, io.LimitReader(unpacked, l.options.MaxBody+1))
}

// judgeHeader says what is wrong with what comes before the body.
func (l *look) judgeHeader(at *url.URL, resp *http.Response) error {
	fail := func(reason probe.Reason, format string, args ...any) error {
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf(format, args...))
	}
	o := l.options
	switch {
	case o.Encryption&WithTLS != 0 && at.Scheme != "https":
		return fail(probe.Encryption, "the answer came without TLS")
	case o.Encryption&WithoutTLS != 0 && at.Scheme == "https":
		return fail(probe.Encryption, "the answer came over TLS, and must not")
	case len(o.Versions) > 0 && !slices.Contains(o.Versions, resp.Proto):
		return fail(probe.Protocol, "the server speaks %s, not %s", resp.Proto, strings.Join(o.Versions, " or "))
	}
	for _, rule := range o.AnswerHeaders {
		values := resp.Header.Values(rule.Name)
		if len(values) == 0 {
			if rule.AllowMissing {
				continue
			}
			return fail(probe.Header, "the answer has no header %s", rule.Name)
		}
		matches := func(re *regexp.Regexp) bool { return slices.ContainsFunc(values, re.MatchString) }
		// The values are not repeated: a header may hold a session.
		if rule.Matches != nil && !matches(rule.Matches) {
			return fail(probe.Header, "the header %s does not match %q", rule.Name, rule.Matches)
		}
		if rule.NotMatches != nil && matches(rule.NotMatches) {
			return fail(probe.Header, "the header %s matches %q, and must not", rule.Name, rule.NotMatches)
		}
	}
	return nil
}

func (l *look) judgeBody(ctx context.Context, body []byte) error {
	rules := &l.options.Body
	fail := func(flag *bool, format string, args ...any) error {
		*flag = true
		return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%s (%d bytes)", fmt.Sprintf(format, args...), len(body)))
	}
	byText, byCEL := &l.last.failedByText, &l.last.failedByCEL
	if rules.Contains != "" && !bytes.Contains(body, []byte(rules.Contains)) {
		return fail(byText, "the body does not contain %q", rules.Contains)
	}
	for _, re := range rules.Matches {
		if !re.Match(body) {
			return fail(byText, "the body does not match %q", re)
		}
	}
	for _, re := range rules.NotMatches {
		if re.Match(body) {
			return fail(byText, "the body matches %q, and must not", re)
		}
	}
	for _, rule := range []struct {
		expression *celcheck.Expression
		want       bool
	}{{rules.JSONNot, false}, {rules.JSON, true}} {
		if rule.expression == nil {
			continue
		}
		is, err := rule.expression.Match(ctx, body)
		if ended := probe.Ended(ctx, probe.PhaseTransfer, "judging the body"); err != nil && ended != nil {
			return ended
		}
		if err == nil && is == rule.want {
			continue
		}
		if err != nil {
			return fail(byCEL, "%v", err)
		}
		return fail(byCEL, "%q is %t of the body", rule.expression, is)
	}
	return nil
}

// wantsTLS tells whether the body of a 400 is what nginx, Go's own server or
// Apache answer to plain HTTP on a TLS port.
func wantsTLS(body []byte) bool {
	for _, said := range []string{
		"plain HTTP request was sent to HTTPS port",
		"sent an HTTP request to an HTTPS server",
		"speaking plain HTTP to an SSL-enabled server port",
	} {
		if bytes.Contains(body, []byte(said)) {
			return true
		}
	}
	return false
}
