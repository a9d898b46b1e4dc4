package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// answerError gives an error of an HTTP exchange its reason. net/http has no
// types for most of its errors, so their words must do; a word that changes
// costs precision, for what is unknown is Protocol.
func (l *look) answerError(ctx context.Context, phase probe.Phase, err error) error {
	doing := "waiting for the answer"
	if phase == probe.PhaseTransfer {
		doing = fmt.Sprintf("reading the body, after %d bytes", l.last.read)
	}
	if ended := probe.Ended(ctx, phase, doing); ended != nil {
		return ended
	}
	if refused := refusedByQUIC(phase, err); refused != nil {
		return refused
	}
	if reason, text, ok := tlscheck.Alert(err); ok {
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	if reason := dial.ReasonOf(err); reason != probe.Other {
		return probe.Fail(reason, phase, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	}
	if packed, ok := errors.AsType[*packedError](err); ok {
		return probe.Fail(probe.Body, phase, packed.error)
	}
	words := err.Error()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && phase == probe.PhaseTransfer:
		return probe.Fail(probe.Truncated, phase, fmt.Errorf("the body ended after %d bytes, before its announced end", l.last.read))
	case strings.Contains(words, "headers exceeded"), strings.Contains(words, "HEADERS frame too large"), strings.Contains(words, "header list"), strings.Contains(words, "too many 1xx"):
		return probe.Fail(probe.TooLarge, phase, fmt.Errorf("the answer's header is longer than %d bytes", maxHeader))
	case strings.Contains(words, "malformed HTTP"):
		return probe.Fail(probe.Protocol, phase, notHTTP(words))
	case strings.HasPrefix(words, "stream error"):
		return probe.Fail(probe.Reset, phase, errors.New("the server cut off the answer (HTTP/2 "+words+")"))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errOnce),
		strings.Contains(words, "server closed"), strings.Contains(words, "connection lost"):
		return probe.Fail(probe.Reset, phase, errors.New("the server closed the connection without an answer"))
	default:
		return probe.Fail(probe.Protocol, phase, fmt.Errorf("the answer breaks the protocol: %w", err))
	}
}

// notHTTP says what answered in place of HTTP. A TLS server's first bytes are
// a record of type alert, which net/http quotes.
func notHTTP(words string) error {
	if strings.Contains(words, `"\x15\x03`) || strings.Contains(words, `"\x16\x03`) {
		return errors.New("the server answered in TLS, not in HTTP: write the target with https://")
	}
	return errors.New("the server does not speak HTTP on this port: " + words)
}
