package main

import (
	"bytes"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress_tellsEachTenSecondsWhereNobodySits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var looked atomic.Int64
		p := newProgress(&out, 300, &looked)
		defer p.tick.Stop()
		done := make(chan struct{})
		go func() {
			time.Sleep(15 * time.Second) // of the bubble's clock
			looked.Store(200)
			time.Sleep(10 * time.Second)
			close(done)
		}()
		p.until(done)
		p.clear()
		if want := "0 of 300 looked at\n200 of 300 looked at\n"; out.String() != want {
			t.Errorf("it said %q, want %q", out.String(), want)
		}
	})
}

func TestProgress_isOneLineOfATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, 2, &atomic.Int64{})
		p.terminal = true
		defer p.tick.Stop()
		done := make(chan struct{})
		time.AfterFunc(25*time.Second, func() { close(done) })
		p.until(done)
		p.clear()
		if want := "0 of 2 looked at\r\x1b[K0 of 2 looked at\r\x1b[K"; out.String() != want {
			t.Errorf("it said %q, want %q", out.String(), want)
		}
	})
}
