// Package lazy is for regular expressions that a package has and a process
// may never use: a compiled one takes 5 to 100 KiB as long as the process runs,
// and all rooms together have some sixty.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that compiles the expression when it is first
// called, and panics then if it is wrong: a test calls it. It may be called
// from several goroutines.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
