package httpprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"tocsin/probes/probe"
)

// judge reads the last answer and says what is wrong with it: its status,
// then its size, then its content.
func (l *look) judge(ctx context.Context, at *url.URL, resp *http.Response) error {
	good := l.options.wantsStatus(resp.StatusCode)
	var kept bytes.Buffer
	sink := io.Discard
	if l.options.Body.any() || (!good && at.Scheme == "http") {
		sink = &kept
	}
	var err error
	if resp.ContentLength > l.options.MaxBody {
		err = probe.Fail(probe.TooLarge, probe.PhaseTransfer,
			fmt.Errorf("the body is %d bytes long, and the probe reads at most %d", resp.ContentLength, l.options.MaxBody))
	} else {
		l.last.read, err = io.Copy(sink, io.LimitReader(resp.Body, l.options.MaxBody+1))
		switch {
		case err != nil:
			err = l.answerError(ctx, probe.PhaseTransfer, err)
		case l.last.read > l.options.MaxBody:
			err = probe.Fail(probe.TooLarge, probe.PhaseTransfer, fmt.Errorf("the body is longer than %d bytes", l.options.MaxBody))
		}
	}
	var ours *probe.Unmeasured
	switch {
	case errors.As(err, &ours):
		return err
	case !good && at.Scheme == "http" && resp.StatusCode == http.StatusBadRequest && wantsTLS(kept.Bytes()):
		return probe.Fail(probe.Protocol, probe.PhaseProcessing,
			errors.New("the server wants TLS on this port: write the target with https://"))
	case !good:
		return probe.Fail(probe.Status, probe.PhaseProcessing, l.wrongStatus(resp.StatusCode))
	case err != nil:
		return err
	default:
		return l.judgeBody(kept.Bytes())
	}
}

func (l *look) judgeBody(body []byte) error {
	rules := &l.options.Body
	var text string
	switch {
	case rules.Contains != "" && !bytes.Contains(body, []byte(rules.Contains)):
		text = fmt.Sprintf("the body does not contain %q", rules.Contains)
	case rules.Matches != nil && !rules.Matches.Match(body):
		text = fmt.Sprintf("the body does not match %q", rules.Matches)
	case rules.NotMatches != nil && rules.NotMatches.Match(body):
		text = fmt.Sprintf("the body matches %q, and must not", rules.NotMatches)
	default:
		return nil
	}
	return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%s (%d bytes)", text, len(body)))
}

func (l *look) wrongStatus(status int) error {
	var expected []string
	for _, r := range l.options.Status {
		switch {
		case r.First == r.Last:
			expected = append(expected, fmt.Sprint(r.First))
		case r.First%100 == 0 && r.Last == r.First+99:
			expected = append(expected, fmt.Sprintf("%dxx", r.First/100))
		default:
			expected = append(expected, fmt.Sprintf("%d to %d", r.First, r.Last))
		}
	}
	if expected == nil {
		expected = []string{"2xx"}
	}
	text := http.StatusText(status)
	if text != "" {
		text = " " + text
	}
	return fmt.Errorf("the answer is %d%s, not %s", status, text, strings.Join(expected, " or "))
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
