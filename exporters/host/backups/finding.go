package backups

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"tocsin/exporters/host/backups/dump"
)

// A source looks for the backups of one place. It is never called twice at the
// same time, and may remember what it saw.
type source interface {
	look(ctx context.Context, now time.Time) (finding, error)
}

// finding is what one look saw.
type finding struct {
	series []series
	locked time.Time // of the oldest lock; zero: there is none
	began  time.Time // since when there can be backups; zero: not known
	total  int64     // bytes of a whole repository; negative: not known, 0: it is none
}

// series are backups of one level.
type series struct {
	level  string
	times  []int64 // of all that exist, Unix seconds, ascending
	listed bool    // times are all of them; otherwise the newest at most is known
	newest newest
}

// The values of the label level.
const (
	levelAny         = "any" // nothing is told apart
	levelFull        = "full"
	levelIncremental = "incremental"
)

// newest is what is known of the newest backup beside its time. Sizes are
// bytes, negative where they cannot be known.
type newest struct {
	size   int64
	median int64  // of those before it
	flaw   reason // what is wrong with it; empty: nothing

	unsettled bool        // all that there is is still being written
	unread    *placeError // why it could not be looked into
}

// A reason is why a place could not be looked at, or what is wrong with its
// newest backup: a value of the label reason.
type reason string

// The closed list of reasons.
const (
	// The place.
	reasonMissing    reason = "missing"    // the folder or file does not exist
	reasonPermission reason = "permission" // tocsin may not look
	reasonStalled    reason = "stalled"    // the file system does not answer
	reasonTooMany    reason = "too_many"   // there are more files than are looked at
	reasonForm       reason = "form"       // it is not what the site file says it is
	reasonError      reason = "error"      // anything else: the log has the text
	// The newest backup.
	flawNone      reason = "none"      // there is none at all
	flawEmpty     reason = "empty"     // it has no bytes
	flawSmall     reason = "small"     // it has fewer than min_size
	flawTruncated reason = "truncated" // its end is missing
	flawForeign   reason = "foreign"   // its content is not what its name says
	flawFuture    reason = "future"    // it bears a time that is yet to come
)

// placeError is an error that knows its reason and what to do about it.
type placeError struct {
	reason reason
	err    error
	do     string
}

func (e *placeError) Error() string {
	if e.do == "" {
		return e.err.Error()
	}
	return e.err.Error() + "; " + e.do
}

func (e *placeError) Unwrap() error { return e.err }

// explained gives an error its reason, and the words what to do.
func explained(err error) *placeError {
	var known *placeError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, fs.ErrPermission):
		return &placeError{reasonPermission, err, "let the user that runs tocsin read it, as with setfacl -R -m u:tocsin:rX,d:u:tocsin:rX FOLDER"}
	case errors.Is(err, fs.ErrNotExist):
		return &placeError{reasonMissing, err, "mount it, or correct the path in the site file"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &placeError{reasonStalled, err, "see whether the disk or server behind it answers"}
	default:
		return &placeError{reasonError, err, ""}
	}
}

// flawOf translates what package dump says of a file.
func flawOf(err error) (reason, error) {
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, dump.ErrTruncated):
		return flawTruncated, nil
	case errors.Is(err, dump.ErrForeign):
		return flawForeign, nil
	}
	return "", err
}

// tolerance is by how much the clock that stamped a backup may be ahead.
const tolerance = 5 * time.Minute

// past sorts times and takes those away that are yet to come, which it reports.
func past(times []int64, now time.Time) (sorted []int64, future bool) {
	slices.Sort(times)
	end, _ := slices.BinarySearch(times, now.Add(tolerance).Unix()+1)
	return times[:end], end < len(times)
}

// untold are the series of a source of which only times are known.
func untold(times []int64, now time.Time) []series {
	s := series{level: levelAny, listed: true, newest: newest{size: -1, median: -1}}
	var future bool
	s.times, future = past(times, now)
	switch {
	case future:
		s.newest.flaw = flawFuture
	case len(s.times) == 0:
		s.newest.flaw = flawNone
	}
	return []series{s}
}
