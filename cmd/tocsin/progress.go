package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// progress says how far a list is: on a terminal in one line that is written
// anew each second, elsewhere in a line each ten.
type progress struct {
	to       io.Writer
	terminal bool
	of       int
	looked   *atomic.Int64
	shown    bool
	tick     *time.Ticker
}

func newProgress(to io.Writer, of int, looked *atomic.Int64) *progress {
	p := &progress{to: to, terminal: terminal(to), of: of, looked: looked}
	every := 10 * time.Second
	if p.terminal {
		every = time.Second
	}
	p.tick = time.NewTicker(every)
	return p
}

// until waits and tells.
func (p *progress) until(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-p.tick.C:
			end := "\n"
			if p.terminal {
				p.clear()
				end, p.shown = "", true
			}
			fmt.Fprintf(p.to, "%d of %d looked at%s", p.looked.Load(), p.of, end)
		}
	}
}

// clear takes the line away again.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.to, "\r\x1b[K")
		p.shown = false
	}
}
