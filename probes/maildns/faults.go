package maildns

import (
	"fmt"
	"slices"
	"strings"
)

// maxFaults is how many faults of one record are told.
const maxFaults = 8

// faults are all that is wrong with one record.
type faults []string

func (f *faults) addf(format string, a ...any) {
	if text := fmt.Sprintf(format, a...); !slices.Contains(*f, text) {
		*f = append(*f, text)
	}
}

// add takes an error's text over; nil is none.
func (f *faults) add(err error) {
	if err != nil {
		f.addf("%v", err)
	}
}

// err returns nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error implements error.
func (f faults) Error() string {
	text := strings.Join(f[:min(len(f), maxFaults)], "; ")
	if more := len(f) - maxFaults; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
