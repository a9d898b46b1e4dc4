package main

import (
	"io"
	"os"
)

// console is where a verb speaks to people, and what they pipe into it.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// colour tells whether people see colours: on a terminal, unless they asked
// not to.
func (c *console) colour() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(c.out)
}

// terminal tells whether people read there as it is written.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
