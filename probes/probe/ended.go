package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ended says what the end of ctx means for a probe that was doing something,
// as "connecting": a timeout when the time was up, Unmeasured when the caller
// went away. It is nil while ctx lives.
//
// A deadline counts from the moment it lies in the past, even if the context's
// own timer has not fired yet: the network's deadlines may be a little faster.
func Ended(ctx context.Context, phase Phase, doing string) error {
	deadline, bounded := ctx.Deadline()
	err := ctx.Err()
	switch {
	case errors.Is(err, context.Canceled):
		return &Unmeasured{Err: fmt.Errorf("the probe was called off while %s: %w", doing, err)}
	case err != nil, bounded && !time.Now().Before(deadline):
		return Fail(Timeout, phase, fmt.Errorf("the time was up while %s", doing))
	default:
		return nil
	}
}
