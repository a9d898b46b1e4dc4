package fallback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/alerts"
)

// A voice that does as it is told, and notes what it said.
type voice struct {
	name string

	mu    sync.Mutex // guards what follows
	err   error
	retry bool
	hang  bool
	said  []string
	calls int
}

func (v *voice) Name() string { return v.name }

func (v *voice) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	v.mu.Lock()
	hang := v.hang
	v.mu.Unlock()
	if hang {
		<-ctx.Done()
		return true, fmt.Errorf("%s: %w", v.name, ctx.Err())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if v.err != nil {
		return v.retry, v.err
	}
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	what := "fires"
	if n.Firing() == 0 {
		what = "settled"
	}
	v.said = append(v.said, n.Group+" "+what)
	return false, nil
}

func (v *voice) fail(retry bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.retry, v.err, v.hang = retry, err, false
}

// stage is a first and a second voice, with the wrapper around them. It is
// used inside synctest, whose clock it follows.
type stage struct {
	t             *testing.T
	first, second *voice
	v             *Voice
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, first: &voice{name: "mattermost"}, second: &voice{name: "mail"}}
	s.v = New(s.first, s.second, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { s.v.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func (s *stage) say(group string, settled bool) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.v.Say(ctx, notification(group, alerts.First, time.Minute, settled))
}

func (s *stage) want(v *voice, said ...string) {
	s.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.said, said) {
		s.t.Errorf("%s said %q, want %q", v.name, v.said, said)
	}
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

var (
	errDown    = alerts.Fail(alerts.CauseServer, errors.New("500"))
	errRefused = alerts.Fail(alerts.CauseAuth, errors.New("401"))
)

const (
	down = "tocsin/voice/mattermost fires"
	up   = "tocsin/voice/mattermost settled"
)

func TestFallback_allIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		if retry, err := s.say("a", false); err != nil || retry {
			t.Error(retry, err)
		}
		s.want(s.first, "a fires")
		s.want(s.second)
		if len(s.v.groups) != 0 || s.v.Name() != "mattermost" {
			t.Errorf("%d groups are remembered", len(s.v.groups))
		}
	})
}

func TestFallback_shortOutageIsTheFirstsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(true, errDown)
		for range 11 {
			if retry, err := s.say("a", false); err == nil || !retry || alerts.CauseOf(err) != alerts.CauseServer {
				t.Error(retry, err)
			}
			wait(10 * time.Second)
		}
		s.first.fail(false, nil)
		if _, err := s.say("a", false); err != nil {
			t.Error(err)
		}
		s.want(s.first, "a fires")
		s.want(s.second)
	})
}

func TestFallback_longOutageGoesByMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(true, errDown)
		_, _ = s.say("a", false)
		wait(2 * time.Minute)
		if retry, err := s.say("a", false); err != nil || retry {
			t.Error(retry, err)
		}
		s.want(s.second, down, "a fires")
		if _, err := s.say("a", true); err != nil {
			t.Error(err)
		}
		s.want(s.second, down, "a fires", "a settled")

		// The first says what it missed, as it stands now; then the second
		// tells that it is back, once.
		s.first.fail(false, nil)
		wait(time.Minute)
		s.want(s.first, "a settled")
		s.want(s.second, down, "a fires", "a settled", up)
		wait(time.Hour)
		s.want(s.first, "a settled")
		s.want(s.second, down, "a fires", "a settled", up)
		if len(s.v.groups) != 0 || s.v.owing != 0 {
			t.Errorf("%d groups are remembered, %d owed", len(s.v.groups), s.v.owing)
		}
	})
}

func TestFallback_refusedGoesByMailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(false, errRefused)
		if retry, err := s.say("a", false); err != nil || retry {
			t.Error(retry, err)
		}
		s.want(s.second, down, "a fires")
		calls := s.first.calls
		wait(4 * time.Minute)
		if s.first.calls != calls {
			t.Errorf("the first was asked %d times within four minutes", s.first.calls-calls)
		}
		s.first.fail(false, nil)
		wait(2 * time.Minute)
		s.want(s.first, "a fires")
		s.want(s.second, down, "a fires", up)
	})
}

func TestFallback_backIsToldWhenNothingIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(false, errRefused)
		_, _ = s.say("a", false)
		_, _ = s.say("b", false)
		s.first.fail(false, nil)
		if _, err := s.say("a", true); err != nil {
			t.Error(err)
		}
		s.want(s.second, down, "a fires", "b fires")
		wait(10 * time.Minute)
		s.want(s.first, "a settled", "b fires")
		s.want(s.second, down, "a fires", "b fires", up)
		// A second outage is told again.
		s.first.fail(false, errRefused)
		_, _ = s.say("c", false)
		s.want(s.second, down, "a fires", "b fires", up, down, "c fires")
	})
}

func TestFallback_hangingFirstLeavesTimeForTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.hang = true
		for range 13 {
			if retry, err := s.say("a", false); err != nil && !retry {
				t.Error(err)
			}
		}
		s.first.mu.Lock()
		s.first.hang = false
		s.first.mu.Unlock()
		s.want(s.second, down, "a fires")
	})
}

func TestFallback_bothFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(false, errRefused)
		s.second.fail(true, errors.New("mail: no"))
		retry, err := s.say("a", false)
		if err == nil || !retry || alerts.CauseOf(err) != alerts.CauseAuth || !strings.Contains(err.Error(), "mail: no") {
			t.Error(retry, err)
		}
		s.second.fail(false, nil)
		if _, err := s.say("a", false); err != nil {
			t.Error(err)
		}
		s.want(s.second, down, "a fires")
	})
}

func TestFallback_endOfTheProgramSendsNoMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.first.fail(false, errDown)
		if _, err := s.v.Say(ctx, notification("a", alerts.First, 0, false)); err == nil {
			t.Error("it succeeded")
		}
		s.want(s.second)
	})
}

func TestFallback_givesUpInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(false, errRefused)
		_, _ = s.say("a", false)
		wait(25 * time.Hour)
		if len(s.v.groups) != 0 || s.v.owing != 0 {
			t.Errorf("%d groups are remembered, %d owed", len(s.v.groups), s.v.owing)
		}
	})
}

func TestFallback_sideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.first.fail(false, errRefused)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { _, _ = s.say(fmt.Sprint(i), false) })
		}
		all.Wait()
		s.first.fail(false, nil)
		wait(10 * time.Minute)
		if n := len(s.first.said); n != 50 {
			t.Errorf("the first said %d of 50", n)
		}
		told := 0
		for _, x := range s.second.said {
			if x == down || x == up {
				told++
			}
		}
		if told != 2 {
			t.Errorf("the outage was told %d times, want twice", told)
		}
	})
}
