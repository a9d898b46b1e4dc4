package dialogue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// The names and meanings are blackbox_exporter's.
var (
	failedByRegex = &frame.Family{
		Name: "probe_failed_due_to_regex",
		Help: "Whether the probe failed because what the server said is not as expected.",
	}
	failedByBytes = &frame.Family{
		Name: "probe_failed_due_to_bytes",
		Help: "Whether the probe failed because the server sent other bytes than expected.",
	}
)

// expectInfo is sent with the labels that the steps name.
const expectInfo = "probe_expect_info"

// Families lists what a dialogue with these steps sends.
func Families(d *Dialogue) []*frame.Family {
	families := []*frame.Family{failedByRegex, failedByBytes}
	if d == nil {
		return append(families, &frame.Family{Name: expectInfo, Help: expectHelp})
	}
	if d.info != nil {
		families = append(families, d.info)
	}
	return families
}

const expectHelp = "What the server said, in the labels that the probe's configuration names."

// A Dialogue is steps made ready.
type Dialogue struct {
	steps []ready
	info  *frame.Family   // nil: no step has labels
	clean *probe.Redactor // takes what is sent out of what the server says
}

type ready struct {
	Step
	expect *regexp.Regexp
}

// New makes steps ready. They must be valid.
func New(steps []Step) (*Dialogue, error) {
	d := &Dialogue{}
	var names []string
	for _, s := range steps {
		r := ready{Step: s}
		if s.Expect != "" {
			var err error
			if r.expect, err = regexp.Compile(s.Expect); err != nil {
				return nil, fmt.Errorf("expect: %w", err)
			}
		}
		d.steps = append(d.steps, r)
		if len(names) == 0 {
			for _, l := range s.Labels {
				names = append(names, l.Name)
			}
		}
	}
	d.clean = newRedactor(d.steps)
	if len(names) > 0 {
		d.info = &frame.Family{Name: expectInfo, Help: expectHelp, Labels: names}
	}
	return d, nil
}

// Talk goes through the steps over conn, whose deadline it sets, and sends what
// came of it as samples of r. secure turns to TLS. Its error is a
// probe.Failure or probe.Unmeasured.
func (d *Dialogue) Talk(ctx context.Context, r *probe.Result, conn net.Conn, secure func(net.Conn) (*tls.Conn, error)) error {
	t := &talk{Dialogue: d, result: r, secure: secure}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return &probe.Unmeasured{Err: err}
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // whoever reads wakes up
	defer stop()
	err := t.run(ctx, conn)
	flags(r, t.byRegex, t.byBytes)
	return err
}

// Unspoken sends the samples of a dialogue that did not begin.
func Unspoken(r *probe.Result) { flags(r, false, false) }

func flags(r *probe.Result, byRegex, byBytes bool) {
	r.Send(failedByRegex, truth(byRegex))
	r.Send(failedByBytes, truth(byBytes))
}

// talk is one run of a dialogue.
type talk struct {
	*Dialogue
	result           *probe.Result
	secure           func(net.Conn) (*tls.Conn, error)
	byRegex, byBytes bool
}

func (t *talk) run(ctx context.Context, conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 4<<10)
	h := &t.result.Hops[len(t.result.Hops)-1]
	began := time.Now()
	defer func() { h.Phases[probe.PhaseProcessing] += time.Since(began) }()
	for i := range t.steps {
		s := &t.steps[i]
		var line []byte
		var groups []int
		if s.expect != nil {
			at := time.Now()
			var err error
			if line, groups, err = t.await(ctx, conn, in, s.expect); err != nil {
				t.tell(at, true, err.Error())
				return err
			}
			t.tell(at, false, fmt.Sprintf("the server said %s, which matches %q", t.said(line), s.Expect))
			t.note(s, line, groups)
		}
		if s.ExpectBytes != "" {
			at := time.Now()
			if err := t.awaitBytes(ctx, in, s.ExpectBytes); err != nil {
				t.tell(at, true, err.Error())
				return err
			}
			t.tell(at, false, fmt.Sprintf("the server sent the %d bytes expected", len(s.ExpectBytes)))
		}
		if !s.Send.IsZero() {
			text := s.Send.Reveal()
			if groups != nil {
				text = string(s.expect.Expand(nil, []byte(text), line, groups))
			}
			if _, err := io.WriteString(conn, text+"\n"); err != nil {
				return t.broken(ctx, "sending", err)
			}
			t.tell(time.Time{}, false, fmt.Sprintf("sent %d bytes", len(text)))
		}
		if s.StartTLS {
			if in.Buffered() > 0 {
				return probe.Fail(probe.Protocol, probe.PhaseTLS,
					errors.New("the server sent more before TLS than was asked for: somebody may have put it there"))
			}
			secure, err := t.secure(conn)
			if err != nil {
				return err
			}
			conn, in = secure, bufio.NewReaderSize(secure, 4<<10)
		}
	}
	return nil
}

func (t *talk) tell(began time.Time, failed bool, text string) {
	t.result.Step(len(t.result.Hops)-1, probe.PhaseProcessing, began, failed, text)
}

// await reads lines until one matches. A line without an end counts when the
// server falls silent after it, as a prompt does.
func (t *talk) await(ctx context.Context, conn net.Conn, in *bufio.Reader, re *regexp.Regexp) (line []byte, groups []int, err error) {
	var last []byte
	total := 0
	for {
		line, err := t.line(ctx, conn, in, re)
		total += len(line) + 1
		if groups := re.FindSubmatchIndex(line); groups != nil && (len(line) > 0 || err == nil) {
			return line, groups, nil
		}
		if len(line) > 0 {
			last = line
		}
		switch {
		case errors.Is(err, io.EOF):
			t.byRegex = true
			return nil, nil, probe.Fail(probe.Body, probe.PhaseProcessing, fmt.Errorf("the server closed the connection, and said nothing that matches %q%s", re, t.lastWords(last)))
		case errors.Is(err, bufio.ErrTooLong) || total > maxRead:
			return nil, nil, probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("the server said too much before anything that matches %q", re))
		case err != nil:
			return nil, nil, t.broken(ctx, fmt.Sprintf("waiting for a line that matches %q%s", re, t.lastWords(last)), err)
		}
	}
}

func (t *talk) lastWords(line []byte) string {
	if len(line) == 0 {
		return ""
	}
	return ", its last words being " + t.said(line)
}

// line reads a line without its end. One that has no end yet is returned if it
// matches and nothing more comes for a moment.
func (t *talk) line(ctx context.Context, conn net.Conn, in *bufio.Reader, re *regexp.Regexp) ([]byte, error) {
	var line []byte
	for {
		if in.Buffered() == 0 && len(line) > 0 && re.Match(line) && soon(ctx) {
			_ = conn.SetReadDeadline(time.Now().Add(silence))
			_, err := in.Peek(1)
			if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
				_ = conn.SetReadDeadline(deadline)
			}
			if err != nil {
				return line, nil // silent, or gone: what has come is enough
			}
		}
		if _, err := in.Peek(1); err != nil {
			return bytes.TrimSuffix(line, []byte("\r")), err
		}
		part, _ := in.Peek(in.Buffered())
		end := bytes.IndexByte(part, '\n')
		if end >= 0 {
			part = part[:end+1]
		}
		line = append(line, part...)
		_, _ = in.Discard(len(part)) // it is there
		switch {
		case len(line) > maxLine:
			return nil, bufio.ErrTooLong
		case end >= 0:
			return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
		}
	}
}

// silence is how long nothing must follow a line without an end.
const silence = 100 * time.Millisecond

// soon tells whether there is time to wait for silence.
func soon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > silence
}

func (t *talk) awaitBytes(ctx context.Context, in io.Reader, want string) error {
	got := make([]byte, len(want))
	n, err := io.ReadFull(in, got)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return t.broken(ctx, fmt.Sprintf("waiting for %d bytes, of which %d came", len(want), n), err)
	}
	if string(got[:n]) != want {
		t.byBytes = true
		return probe.Fail(probe.Body, probe.PhaseProcessing, fmt.Errorf("the server sent %s, not %q", t.said(got[:n]), want))
	}
	return nil
}

// note sends probe_expect_info for the first step that has labels.
func (t *talk) note(s *ready, line []byte, groups []int) {
	if t.info == nil || len(s.Labels) != len(t.info.Labels) {
		return
	}
	values := make([]string, len(s.Labels))
	for i, l := range s.Labels {
		if l.Name != t.info.Labels[i] {
			return
		}
		values[i] = probe.Label(t.clean.Hide(string(s.expect.Expand(nil, []byte(l.Value), line, groups))))
	}
	t.result.Send(t.info, 1, values...)
}

// broken gives an error of the connection its reason.
func (t *talk) broken(ctx context.Context, doing string, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, doing); ended != nil {
		return ended
	}
	if reason, text, ok := tlscheck.Alert(err); ok {
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	if reason := dial.ReasonOf(err); reason != probe.Other {
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	}
	return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("%s: %w", doing, err))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
