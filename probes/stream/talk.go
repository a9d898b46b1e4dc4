package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// Bound has whoever reads from or writes to conn wake up when ctx ends. What
// it returns takes that off again.
func Bound(ctx context.Context, conn net.Conn) (stop func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a closed connection is told by the next read
	}
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// Broken gives an error of a connection its reason: doing says in words what
// was under way, as "waiting for the banner". What is a probe.Failure or
// probe.Unmeasured already stays as it is.
func Broken(ctx context.Context, phase probe.Phase, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*probe.Failure](err); ok {
		return err
	}
	if _, ok := errors.AsType[*probe.Unmeasured](err); ok {
		return err
	}
	if ended := probe.Ended(ctx, phase, doing); ended != nil {
		return ended
	}
	// With TLS 1.3 a server refuses the client only after the handshake.
	if reason, text, ok := tlscheck.Alert(err); ok {
		return probe.Fail(reason, phase, errors.New(text))
	}
	switch reason := dial.ReasonOf(err); {
	case reason != probe.Other:
		return probe.Fail(reason, phase, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return probe.Fail(probe.Reset, phase, fmt.Errorf("the server closed the connection while %s", doing))
	default:
		return probe.Fail(probe.Protocol, phase, fmt.Errorf("%s: %w", doing, err))
	}
}
