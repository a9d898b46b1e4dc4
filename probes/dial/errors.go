package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"tocsin/probes/probe"
)

// connectError makes one Failure of the addresses that did not answer. Where
// they failed in different ways the most telling reason is given: a refusal
// comes from the host itself, "no route" may be only our own lack of IPv6.
func connectError(ctx context.Context, failed []Attempt) error {
	if ended := probe.Ended(ctx, probe.PhaseConnect, "connecting"); ended != nil {
		var f *probe.Failure
		if errors.As(ended, &f) && len(failed) > 0 {
			return probe.Fail(f.Reason, f.Phase, fmt.Errorf("%w; before that %s", f.Err, describe(failed)))
		}
		return ended
	}
	for _, a := range failed {
		if noResources(a.Err) {
			return &probe.Unmeasured{Err: a.Err}
		}
	}
	best := probe.Other
	for _, a := range failed {
		if r := ReasonOf(a.Err); rank(r) > rank(best) {
			best = r
		}
	}
	return probe.Fail(best, probe.PhaseConnect, errors.New(describe(failed)))
}

func rank(r probe.Reason) int {
	switch r {
	case probe.Refused:
		return 4
	case probe.Reset:
		return 3
	case probe.Timeout:
		return 2
	case probe.Unreachable:
		return 1
	default:
		return 0
	}
}

func describe(failed []Attempt) string {
	var b strings.Builder
	for i, a := range failed {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", a.Address, Words(a.Err))
	}
	return b.String()
}

// ReasonOf returns the reason that an error of a connection stands for.
func ReasonOf(err error) probe.Reason {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return probe.Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return probe.Reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.EHOSTDOWN), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EAFNOSUPPORT),
		errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOPROTOOPT):
		return probe.Unreachable // EACCES and EPERM: a packet filter said no
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return probe.Timeout
	default:
		return probe.Other
	}
}

// Words returns what a connection's error says, without the addresses that
// package net puts before it.
func Words(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return strings.TrimPrefix(op.Err.Error(), op.Op+": ")
	}
	return err.Error()
}

// noResources tells whether it is we who have no means to connect.
func noResources(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}
