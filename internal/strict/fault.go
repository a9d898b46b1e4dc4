package strict

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"tocsin/internal/problem"
)

// A Fault is one thing wrong in a file, and its place.
type Fault struct {
	Line, Column int    // from 1; 0 where the fault has no place in the file
	Path         string // as alerts.mattermost.url; empty for the whole file
	Text         string // what is wrong, what to write instead
}

// maxTold is how many faults an Error prints.
const maxTold = 100

// An Error is a file with its faults. It prints one fault a line:
//
//	file:line: path: what is wrong, what to write instead
type Error struct {
	File   string
	Faults []Fault
}

// Error prints the faults; of a file that is wrong throughout, only the first hundred are printed.
func (e *Error) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxTold {
			fmt.Fprintf(&b, "%s: and %d more", e.File, len(e.Faults)-maxTold)
			break
		}
		b.WriteString(e.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		if f.Path != "" {
			b.WriteString(": " + oneLine(f.Path))
		}
		b.WriteString(": " + oneLine(f.Text))
	}
	return b.String()
}

// oneLine keeps what comes from the file from breaking the form.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Sort orders faults as one reads the file, and leaves out repetitions.
func Sort(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(faults)
}

// A Position is a place in a file, from 1.
type Position struct{ Line, Column int }

// Positions knows where each path of a file stands: for a key the key itself,
// for an element of a list its first character.
type Positions map[string]Position

// Find returns the place of a path, or of its nearest ancestor that the file
// has; the zero Position when there is none. Where a single mapping may stand
// for a list of one, "[0]" may be missing from the file's own path: the
// second result is the path as the file has it.
func (p Positions) Find(path string) (Position, string) {
	for at := path; at != ""; at = parent(at) {
		if pos, ok := p[at]; ok {
			return pos, path
		}
		if short := strings.ReplaceAll(at, "[0]", ""); short != at {
			if pos, ok := p[short]; ok {
				return pos, short + strings.TrimPrefix(path, at)
			}
		}
	}
	return p[""], path
}

// Place turns problems that carry paths into faults that carry lines.
func (p Positions) Place(problems []problem.Problem) []Fault {
	faults := make([]Fault, 0, len(problems))
	for _, pr := range problems {
		pos, path := p.Find(pr.Path)
		faults = append(faults, Fault{Line: pos.Line, Column: pos.Column, Path: path, Text: pr.Text})
	}
	return faults
}

// parent strips the last key or index of a path.
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}
