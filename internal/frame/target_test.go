package frame

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
)

var testFamily = &Family{Name: "test_value", Help: "A value.", Labels: []string{"part"}}

// fake is a collector made of a function.
type fake struct {
	name    string
	collect func(ctx context.Context, s *Sink) error
	explain string
}

func (f *fake) Name() string                               { return f.name }
func (f *fake) Families() []*Family                        { return []*Family{testFamily} }
func (f *fake) Collect(ctx context.Context, s *Sink) error { return f.collect(ctx, s) }
func (f *fake) Explain() string                            { return f.explain }

func good(name string) *fake {
	return &fake{name: name, collect: func(_ context.Context, s *Sink) error {
		s.Send(testFamily, 1, name)
		return nil
	}}
}

func newTarget(collectors ...Collector) *Target {
	spec := Spec{Job: "test", Instance: "here", Interval: 30 * time.Second}
	for _, c := range collectors {
		spec.Collectors = append(spec.Collectors, Entry{Collector: c})
	}
	return NewTarget(spec, slog.New(slog.DiscardHandler))
}

func gather(t *testing.T, target *Target, timeout time.Duration) map[string]float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return flatten(target.Gather(ctx))
}

// flatten writes a page as name{value of its labels,...} -> value.
func flatten(page []*dto.MetricFamily) map[string]float64 {
	flat := map[string]float64{}
	for _, mf := range page {
		for _, m := range mf.Metric {
			var values []string
			for _, l := range m.Label {
				values = append(values, l.GetValue())
			}
			flat[mf.GetName()+"{"+strings.Join(values, ",")+"}"] = m.GetGauge().GetValue()
		}
	}
	return flat
}

func TestGather_oneHangsTheOthersAreOnTheSamePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		hung := &fake{name: "hung", collect: func(_ context.Context, s *Sink) error {
			calls.Add(1)
			s.Send(testFamily, 7, "before the hang")
			<-release
			s.Send(testFamily, 8, "too late")
			return nil
		}}
		target := newTarget(good("a"), hung, good("b"))

		start := time.Now()
		page := gather(t, target, 10*time.Second)
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("the page came after %s, want 8s: 80 %% of the scraper's timeout", took)
		}
		for _, want := range []string{
			"test_value{a}", "test_value{b}", "test_value{before the hang}",
			"tocsin_collector_failure_info{hung,timeout}",
		} {
			if _, ok := page[want]; !ok {
				t.Errorf("%s is not on the page: %v", want, page)
			}
		}
		if page["tocsin_collector_success{hung}"] != 0 || page["tocsin_collector_success{a}"] != 1 {
			t.Errorf("success is wrong: %v", page)
		}

		before := runtime.NumGoroutine()
		for range 1000 {
			page = gather(t, target, 10*time.Second)
		}
		if calls.Load() != 1 {
			t.Errorf("the hung collector was called %d times, want once", calls.Load())
		}
		if after := runtime.NumGoroutine(); after > before+5 { // the runtime has some of its own, which come and go
			t.Errorf("goroutines grew from %d to %d over 1,000 scrapes", before, after)
		}
		if _, ok := page["tocsin_collector_failure_info{hung,still_running}"]; !ok {
			t.Errorf("no still_running: %v", page)
		}

		close(release)
		synctest.Wait()
		page = gather(t, target, 10*time.Second)
		if page["tocsin_collector_success{hung}"] != 1 || page["test_value{too late}"] != 8 {
			t.Errorf("the collector came back, the page does not show it: %v", page)
		}
	})
}

func TestGather_twoScrapersShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		slow := &fake{name: "slow", collect: func(_ context.Context, s *Sink) error {
			calls.Add(1)
			time.Sleep(time.Second) // of the bubble's clock
			s.Send(testFamily, 1, "x")
			return nil
		}}
		target := newTarget(slow)
		pages := make(chan map[string]float64, 2)
		first, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		go func() { pages <- flatten(target.Gather(first)) }()
		go func() { pages <- gather(t, target, 10*time.Second) }()
		synctest.Wait()
		cancel() // the first scraper hangs up; the second still gets its page
		ok := 0
		for range 2 {
			if p := <-pages; p["test_value{x}"] == 1 {
				ok++
			}
		}
		if ok < 1 || calls.Load() != 1 {
			t.Errorf("%d pages had the value, the collector ran %d times; want the patient scraper's and one", ok, calls.Load())
		}
	})
}

func TestOnly_sharesARunWithTheWholePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		slow := &fake{name: "slow", collect: func(_ context.Context, s *Sink) error {
			calls.Add(1)
			time.Sleep(time.Second) // of the bubble's clock
			s.Send(testFamily, 1, "x")
			return nil
		}}
		whole := newTarget(slow, good("a"))
		part := whole.Only(func(name string) bool { return name == "slow" })
		pages := make(chan map[string]float64, 2)
		for _, target := range []*Target{whole, part} {
			go func() { pages <- gather(t, target, 10*time.Second) }()
		}
		for range 2 {
			if p := <-pages; p["test_value{x}"] != 1 || p["tocsin_collector_success{slow}"] != 1 {
				t.Errorf("the page lacks the run that both share: %v", p)
			}
		}
		if calls.Load() != 1 {
			t.Errorf("the collector ran %d times, want once", calls.Load())
		}
		page := gather(t, part, 10*time.Second)
		if _, other := page["test_value{a}"]; other || len(page) != 4 {
			t.Errorf("the part has more than its collector: %v", page)
		}
	})
}

func TestGather_failuresHaveTheirReason(t *testing.T) {
	for _, test := range []struct {
		name    string
		collect func(ctx context.Context, s *Sink) error
		want    string
	}{
		{"panic", func(context.Context, *Sink) error { panic("boom") }, "panic"},
		{"permission", func(context.Context, *Sink) error { return fmt.Errorf("read x: %w", fs.ErrPermission) }, "permission"},
		{"missing file", func(context.Context, *Sink) error { _, err := os.Open("/there/is/none"); return err }, "error"},
		{"deadline", func(ctx context.Context, _ *Sink) error { return context.DeadlineExceeded }, "timeout"},
		{"given", func(context.Context, *Sink) error { return Fail(ReasonStalled, errors.New("/mnt hangs")) }, "stalled"},
		{"other", func(context.Context, *Sink) error { return errors.New("odd") }, "error"},
		{"twice", func(_ context.Context, s *Sink) error {
			s.Send(testFamily, 1, "a")
			s.Send(testFamily, 2, "a")
			return nil
		}, "invalid"},
		{"undeclared", func(_ context.Context, s *Sink) error { s.Send(&Family{Name: "other"}, 1); return nil }, "invalid"},
		{"labels", func(_ context.Context, s *Sink) error { s.Send(testFamily, 1); return nil }, "invalid"},
		{"utf8", func(_ context.Context, s *Sink) error { s.Send(testFamily, 1, "\xff"); return nil }, "invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := newTarget(&fake{name: "bad", collect: test.collect}, good("ok"))
			page := gather(t, target, 5*time.Second)
			if page["test_value{ok}"] != 1 {
				t.Errorf("the other collector's value is missing: %v", page)
			}
			if page["tocsin_collector_failure_info{bad,"+test.want+"}"] != 1 {
				t.Errorf("want reason %s: %v", test.want, page)
			}
		})
	}
}

func TestGather_noDataIsNoFailure(t *testing.T) {
	target := newTarget(&fake{name: "none", collect: func(context.Context, *Sink) error { return ErrNoData }})
	page := gather(t, target, time.Second)
	if page["tocsin_collector_success{none}"] != 1 {
		t.Errorf("no data counted as a failure: %v", page)
	}
}

func TestGather_twoCollectorsSendTheSameSeries(t *testing.T) {
	same := func(_ context.Context, s *Sink) error { s.Send(testFamily, 1, "same"); return nil }
	target := newTarget(&fake{name: "a", collect: same}, &fake{name: "b", collect: same}, good("c"))
	gather(t, target, time.Second)
	page := gather(t, target, time.Second)
	if page["test_value{same}"] != 1 || page["test_value{c}"] != 1 {
		t.Errorf("the series that can be kept are not on the page: %v", page)
	}
	if page["tocsin_collector_failure_info{b,invalid}"] != 1 {
		t.Errorf("the clash is not told: %v", page)
	}
}

func TestRun_ownClockRunsOnceAnIntervalAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		var broken atomic.Bool
		dear := &fake{name: "dear", collect: func(_ context.Context, s *Sink) error {
			calls.Add(1)
			if broken.Load() {
				return errors.New("gone")
			}
			s.Send(testFamily, 1, "dear")
			return nil
		}}
		spec := Spec{Job: "test", Collectors: []Entry{{Collector: dear, Every: time.Minute}}}
		target := NewTarget(spec, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go target.Run(ctx)

		time.Sleep(30 * time.Second)
		for range 100 {
			gather(t, target, time.Second)
		}
		if calls.Load() != 1 {
			t.Errorf("100 scrapes made it run %d times, want 1", calls.Load())
		}
		broken.Store(true)
		time.Sleep(2 * time.Minute)
		if page := gather(t, target, time.Second); page["test_value{dear}"] != 1 || page["tocsin_collector_success{dear}"] != 0 {
			t.Errorf("after two missed intervals: want the old value, and that it failed: %v", page)
		}
		time.Sleep(2 * time.Minute)
		if page := gather(t, target, time.Second); len(page) == 0 || page["test_value{dear}"] != 0 {
			t.Errorf("after three missed intervals the old value is still there: %v", page)
		}
	})
}

func TestRun_ownClockIsFasterWhileAFailureIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		c := &fake{name: "probe", explain: "connection refused"}
		c.collect = func(_ context.Context, s *Sink) error {
			calls.Add(1)
			s.Send(testFamily, 1, "x")
			return nil
		}
		target := NewTarget(Spec{Job: "test", Collectors: []Entry{{Collector: c, Every: 30 * time.Second, Retry: 5 * time.Second}}}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go target.Run(ctx)
		time.Sleep(29 * time.Second) // of the bubble's clock
		if n := calls.Load(); n < 5 || n > 6 {
			t.Errorf("%d runs in 29 s of failing, want one each 5 s", n)
		}
		time.Sleep(2 * time.Minute) // to the moment from which it is not hurried any more
		before := calls.Load()
		time.Sleep(10 * time.Minute)
		if n := calls.Load() - before; n < 19 || n > 21 {
			t.Errorf("%d runs in 10 min of failing on and on, want one each 30 s", n)
		}
	})
}

func TestRun_ownClockIsFasterWhileItCannotMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		c := &fake{name: "registry"}
		c.collect = func(context.Context, *Sink) error {
			calls.Add(1)
			return errors.New("no file descriptor left")
		}
		target := NewTarget(Spec{Job: "test", Collectors: []Entry{{Collector: c, Every: 24 * time.Hour, Retry: time.Hour}}}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go target.Run(ctx)
		time.Sleep(10 * time.Second) // of the bubble's clock: the first run
		for i, minutes := range []int{1, 2, 4, 8, 16, 32} {
			time.Sleep(time.Duration(minutes) * time.Minute)
			if n := int(calls.Load()); n != i+2 {
				t.Errorf("%d runs after the wait of %d min, want %d", n, minutes, i+2)
			}
		}
		before := calls.Load()
		time.Sleep(9 * time.Hour)
		if n := calls.Load() - before; n < 3 || n > 5 {
			t.Errorf("%d more runs in 9 h of not measuring, want one after an hour or more, and later less", n)
		}
	})
}

func TestRun_manyClocksAreSpreadEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many, seconds = 3000, 120
		var starts [seconds]atomic.Int32
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range many {
			c := &fake{name: "probe", collect: func(_ context.Context, s *Sink) error {
				if at := int(time.Since(began).Seconds()); at < seconds {
					starts[at].Add(1)
				}
				s.Send(testFamily, 1, "x")
				return nil
			}}
			spec := Spec{Job: "probe", ID: strconv.Itoa(i), Collectors: []Entry{{Collector: c, Every: 30 * time.Second, Spread: 15 * time.Second}}}
			go NewTarget(spec, slog.New(slog.DiscardHandler)).Run(ctx)
		}
		time.Sleep(seconds * time.Second)
		first := 0
		for at := range 15 {
			first += int(starts[at].Load())
		}
		if first < many || first > many+many/10 {
			t.Errorf("%d first runs within 15 s, want each of %d once", first, many)
		}
		for at := 60; at < seconds; at++ { // 100 a second; a chance spread has 10 up or down
			if n := starts[at].Load(); n < 55 || n > 145 {
				t.Errorf("second %d has %d starts, want about 100", at, n)
			}
		}
	})
}

func TestUntilTurn_isHalfAnIntervalToOneAndAHalf(t *testing.T) {
	const every = 30 * time.Second
	for hash := range uint64(1000) {
		began := time.Unix(1_700_000_000, int64(hash)*37_000_003)
		next := untilTurn(began, every, hash*1_000_003)
		turn := time.Duration(began.Add(next).UnixNano()) % every
		if next <= every/2 || next > every*3/2 || turn != time.Duration(hash*1_000_003%uint64(every)) {
			t.Fatalf("%s after %s: %s", next, began, turn)
		}
	}
}

// A clock that is ended waits for the run under way, and for no timer.
func TestStart_endsWithItsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		slow := &fake{name: "slow", collect: func(context.Context, *Sink) error { <-release; return nil }}
		var done sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for i, c := range []*fake{good("idle"), slow, good("new")} {
			spec := Spec{Job: "test", ID: strconv.Itoa(i), Collectors: []Entry{{Collector: c, Every: time.Minute, Timeout: 50 * time.Second}}}
			NewTarget(spec, slog.New(slog.DiscardHandler)).Start(ctx, &done)
		}
		time.Sleep(6 * time.Second) // of the bubble's clock: each has run or runs
		began := time.Now()
		cancel()
		done.Wait() // a run that is called off is left behind
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the clocks ended after %s", waited)
		}
		close(release)
		time.Sleep(2 * time.Minute) // nothing runs any more, which the bubble's end would wait for
	})
}
