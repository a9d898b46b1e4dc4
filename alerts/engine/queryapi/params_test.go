package queryapi

import (
	"math"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseTime_everyForm(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{
		"0":                                   0,
		"1435781451.781":                      1435781451781,
		"1435781451.7815":                     1435781451782, // to the millisecond
		"-1.5":                                -1500,
		"1.5e9":                               1500000000000,
		"2015-07-01T20:10:51.781Z":            1435781451781,
		"2015-07-01T22:10:51.781+02:00":       1435781451781,
		"1700000000000":                       1700000000000000, // Grafana sends milliseconds in one place
		"-292273086-05-16T16:47:06Z":          -maxSeconds * 1000,
		"292277025-08-18T07:12:54.999999999Z": maxSeconds*1000 + 999,
	} {
		got, err := parseTime(s)
		if err != nil || got.UnixMilli() != want {
			t.Errorf("parseTime(%q) = %d, %v, want %d", s, got.UnixMilli(), err, want)
		}
	}
}

func TestParseTime_refusesWhatIsNoTime(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "x", "NaN", "Inf", "-Inf", "1e300", "-1e19", "5m", "now", "2015-07-01", "2015-07-01T20:10:51", " 1", "1,5"} {
		if got, err := parseTime(s); err == nil {
			t.Errorf("parseTime(%q) = %v, want an error", s, got)
		}
	}
}

func TestParseTime_keepsEveryMillisecond(t *testing.T) {
	t.Parallel()
	for ms := range int64(1000) {
		at := 1_700_000_000_000 + ms
		s := strconv.FormatFloat(float64(at)/1000, 'f', -1, 64)
		if got, err := parseTime(s); err != nil || got.UnixMilli() != at {
			t.Errorf("parseTime(%q) = %d, %v, want %d", s, got.UnixMilli(), err, at)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"15": 15 * time.Second, "0.5": 500 * time.Millisecond, "1e2": 100 * time.Second, "-1": -time.Second,
		"5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "250ms": 250 * time.Millisecond, "0": 0,
	} {
		if got, err := parseDuration(s); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "NaN", "Inf", "-Inf", "1e300", "9223372037", "1.5m", "5 m", "1m1h"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", s, got)
		}
	}
}

func TestExpression_countsTokensNotBytes(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`up{job=~"` + strings.Repeat("a|", 100_000) + `b"}`: true,
		strings.Repeat("1+", maxTokens/2-1) + "1":           true,
		strings.Repeat("1+", maxTokens/2) + "1":             false,
		strings.Repeat("(", maxTokens+1):                    false,
		strings.Repeat("-", 1_000_000) + "1":                false,
		`up{job="unterminated`:                              true, // the parser's to tell
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Form = url.Values{"query": {text}}
		if _, err := expression(r); (err == nil) != ok {
			t.Errorf("expression of %d bytes, %.10s...: %v, want taken: %t", len(text), text, err, ok)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"1435781451.781", "NaN", "-0", "1e15", "0x1p-2", "2015-07-01T20:10:51.781Z", "292277025-08-18T07:12:54.999999999Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseTime(s)
		if err != nil {
			return
		}
		if at.Before(minTime()) || at.After(maxTime()) {
			t.Fatalf("%q gave %v, which is out of bounds", s, at)
		}
		if seconds, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(float64(at.UnixMilli())/1000-seconds) > 0.001+math.Abs(seconds)/1e15 {
			t.Fatalf("%q gave %d ms", s, at.UnixMilli())
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"15", "NaN", "1e300", "5m", "1h30m", "-1", "9223372036.854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDuration(s)
		if err != nil {
			return
		}
		if seconds, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(d.Seconds()-seconds) > 1e-6+math.Abs(seconds)/1e12 {
			t.Fatalf("%q gave %v", s, d)
		}
	})
}

// FuzzSteps holds what keeps the engine alive: no division by zero, no more
// points than allowed.
func FuzzSteps(f *testing.F) {
	f.Add("0", "11000", "1")
	f.Add("1", "2", "0.0005")
	f.Add("-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z", "9223372036")
	f.Add("NaN", "NaN", "NaN")
	f.Fuzz(func(t *testing.T, start, end, step string) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Form = url.Values{"start": {start}, "end": {end}, "step": {step}}
		from, to, width, err := steps(r)
		if err != nil {
			return
		}
		if width.Milliseconds() < 1 || to.Before(from) {
			t.Fatalf("start %v, end %v, step %v", from, to, width)
		}
		if n := (float64(to.UnixMilli()) - float64(from.UnixMilli())) / float64(width.Milliseconds()); n >= maxPoints+1 {
			t.Fatalf("start %v, end %v, step %v: %f points", from, to, width, n)
		}
	})
}
