package ladder

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// at reads a time of day in Paris, but for what names its own offset.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	if when, err := time.Parse(time.RFC3339, text); err == nil {
		return when.In(zone(t, "Europe/Paris"))
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", text, zone(t, "Europe/Paris"))
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// each makes one backup every step, from first to last.
func each(step func(time.Time) time.Time, first, last time.Time) []time.Time {
	var all []time.Time
	for when := first; !when.After(last); when = step(when) {
		all = append(all, when)
	}
	return all
}

func hours(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(time.Duration(n) * time.Hour) }
}

func days(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
}

func months(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(0, n, 0) }
}

func without(all []time.Time, gone ...time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(all), func(t time.Time) bool { return slices.ContainsFunc(gone, t.Equal) })
}

func unix(all []time.Time) []int64 {
	var out []int64
	for _, t := range all {
		out = append(out, t.Unix())
	}
	slices.Sort(out)
	return out
}

// in words: kind held/missing/not due.
func words(counts []Counts) string {
	var all []string
	for _, c := range counts {
		all = append(all, fmt.Sprintf("%s %d/%d/%d", c.Kind, c.Held, c.Missing, c.NotDue))
	}
	return strings.Join(all, ", ")
}

func TestCheck(t *testing.T) {
	nightly := each(days(1), at(t, "2026-10-01 02:10"), at(t, "2026-11-27 02:10"))
	for _, c := range []struct {
		name    string
		promise Promise
		times   []time.Time
		began   string
		now     string
		want    string
	}{
		{"nothing promised", Promise{}, nightly, "", "2026-11-27 12:00", ""},
		{"seven days, after tonight's", Promise{Daily: 7}, nightly[len(nightly)-7:], "2026-01-01 00:00", "2026-11-27 12:00", "daily 7/0/0"},
		{"seven days, before tonight's", Promise{Daily: 7}, nightly[len(nightly)-7:], "2026-01-01 00:00", "2026-11-28 01:00", "daily 7/0/0"},
		{"the day after a night that failed", Promise{Daily: 7}, nightly[len(nightly)-7:], "2026-01-01 00:00", "2026-11-29 12:00", "daily 6/1/0"},
		{"a hole", Promise{Daily: 7}, without(nightly, at(t, "2026-11-24 02:10")), "", "2026-11-27 12:00", "daily 6/1/0"},
		{"a hole while today's is not made", Promise{Daily: 7}, without(nightly, at(t, "2026-11-24 02:10"), at(t, "2026-11-27 02:10")), "", "2026-11-27 01:00", "daily 6/1/0"},
		{"pruned too soon", Promise{Daily: 7, Weekly: 4}, nightly[len(nightly)-3:], "2026-01-01 00:00", "2026-11-27 12:00", "daily 3/4/0, weekly 1/3/0"},
		{"pruned too soon, and nobody says since when", Promise{Daily: 7, Weekly: 4}, nightly[len(nightly)-3:], "", "2026-11-27 12:00", "daily 3/0/4, weekly 1/0/3"},
		{"the first day", Promise{Hourly: 24, Daily: 7, Weekly: 4, Monthly: 12, Yearly: 1}, nightly[len(nightly)-1:], "", "2026-11-27 02:40", "hourly 1/0/23, daily 1/0/6, weekly 1/0/3, monthly 1/0/11, yearly 1/0/0"},
		{"none at all", Promise{Daily: 2}, nil, "", "2026-11-27 02:40", "daily 0/0/2"},
		{"none at all, though they began", Promise{Daily: 2}, nil, "2026-11-01 00:00", "2026-11-27 02:40", "daily 0/2/0"},
		{"began in the middle of a month", Promise{Monthly: 3}, nil, "2026-09-10 00:00", "2026-11-27 02:40", "monthly 0/1/2"},

		{
			"around midnight: two on one day, none on the next",
			Promise{Daily: 3},
			[]time.Time{at(t, "2026-11-24 23:55"), at(t, "2026-11-26 00:05"), at(t, "2026-11-26 23:55")},
			"", "2026-11-27 12:00", "daily 3/0/0",
		},
		{
			"soon after midnight, one night failed: nobody lends his only one",
			Promise{Daily: 3},
			[]time.Time{at(t, "2026-11-24 00:30"), at(t, "2026-11-26 00:30"), at(t, "2026-11-27 00:30")},
			"", "2026-11-27 12:00", "daily 2/1/0",
		},

		// Spring: 29 March 2026 has 23 hours in Paris. Autumn: 25 October has 25.
		{"the day of 23 hours", Promise{Daily: 3}, each(days(1), at(t, "2026-03-27 03:30"), at(t, "2026-03-31 03:30")), "", "2026-03-30 12:00", "daily 3/0/0"},
		{"the day of 23 hours, hourly", Promise{Hourly: 24}, each(hours(1), at(t, "2026-03-28 05:20"), at(t, "2026-03-29 05:20")), "", "2026-03-29 05:40", "hourly 24/0/0"},
		{"the day of 25 hours", Promise{Daily: 3}, each(days(1), at(t, "2026-10-20 02:30"), at(t, "2026-10-26 02:30")), "", "2026-10-26 12:00", "daily 3/0/0"},
		{"the day of 25 hours, hourly", Promise{Hourly: 24}, each(hours(1), at(t, "2026-10-24 20:20"), at(t, "2026-10-25 04:20")), "2026-01-01 00:00", "2026-10-25 04:40", "hourly 10/14/0"},
		{"the hour that comes twice, missing once", Promise{Hourly: 4}, without(each(hours(1), at(t, "2026-10-24 20:20"), at(t, "2026-10-25 04:20")), at(t, "2026-10-25T02:20:00+01:00")), "", "2026-10-25 04:40", "hourly 3/1/0"},
		{"the last second of a day of 25 hours", Promise{Daily: 1}, []time.Time{at(t, "2026-10-25 23:59")}, "", "2026-10-26 12:00", "daily 1/0/0"},

		{"months of unlike lengths", Promise{Monthly: 12}, each(months(1), at(t, "2025-01-28 03:00"), at(t, "2026-03-28 03:00")), "", "2026-03-31 12:00", "monthly 12/0/0"},
		{"31 March: February is not skipped", Promise{Monthly: 3}, []time.Time{at(t, "2026-01-31 03:00"), at(t, "2026-03-31 03:00")}, "", "2026-03-31 12:00", "monthly 2/1/0"},
		{"29 February", Promise{Daily: 3, Monthly: 2}, []time.Time{at(t, "2028-01-31 03:00"), at(t, "2028-02-28 03:00"), at(t, "2028-02-29 03:00")}, "", "2028-03-01 02:00", "daily 2/1/0, monthly 2/0/0"},
		{"weeks begin on Monday", Promise{Weekly: 2}, []time.Time{at(t, "2026-11-15 23:00"), at(t, "2026-11-16 12:00"), at(t, "2026-11-29 12:00")}, "", "2026-11-29 12:00", "weekly 2/0/0"},
		{"a week over the end of the year", Promise{Weekly: 3}, []time.Time{at(t, "2026-12-23 03:00"), at(t, "2026-12-30 03:00"), at(t, "2027-01-05 03:00")}, "", "2027-01-05 12:00", "weekly 3/0/0"},
		{"years", Promise{Yearly: 3}, []time.Time{at(t, "2024-06-01 03:00"), at(t, "2026-12-31 23:50")}, "", "2027-01-01 12:00", "yearly 2/1/0"},
	} {
		began := time.Time{}
		if c.began != "" {
			began = at(t, c.began)
		}
		times := slices.DeleteFunc(unix(c.times), func(s int64) bool { return s > at(t, c.now).Unix() })
		if got := words(Check(c.promise, times, began, at(t, c.now))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A promise that the retention keeps to the letter, by the rules of restic
// forget: of each hour, day and week the last one. At no moment of four months,
// in a zone with summer time, is a rung missing.
func TestCheck_neverBrokenByAToolThatKeepsIt(t *testing.T) {
	for _, name := range []string{"Europe/Paris", "America/St_Johns", "Asia/Kathmandu"} {
		z := zone(t, name)
		p := Promise{Hourly: 24, Daily: 7, Weekly: 4, Monthly: 12}
		began := time.Date(2026, 9, 3, 10, 7, 0, 0, z)
		var kept []time.Time
		for now := began; now.Before(began.AddDate(0, 4, 0)); now = now.Add(20 * time.Minute) {
			if now.Minute()/20 == 0 {
				kept = forget(append(kept, now), p)
			}
			for _, c := range Check(p, unix(kept), began, now) {
				if c.Missing > 0 {
					t.Fatalf("%s, %s: %s lacks %d", name, now, c.Kind, c.Missing)
				}
				if c.Held+c.Missing+c.NotDue != map[string]int{"hourly": 24, "daily": 7, "weekly": 4, "monthly": 12}[c.Kind] {
					t.Fatalf("%s, %s: %v does not add up", name, now, c)
				}
			}
		}
	}
}

// forget keeps what restic forget --keep-hourly ... keeps, the newest last.
func forget(all []time.Time, p Promise) []time.Time {
	keep := map[int]bool{}
	for _, rule := range []struct {
		count  int
		period func(time.Time) string
	}{
		{p.Hourly, func(t time.Time) string { return t.Format("2006-01-02 15 -0700") }},
		{p.Daily, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{p.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, w) }},
		{p.Monthly, func(t time.Time) string { return t.Format("2006-01") }},
	} {
		last := ""
		for i := len(all) - 1; i >= 0 && rule.count > 0; i-- {
			if is := rule.period(all[i]); is != last {
				last, keep[i] = is, true
				rule.count--
			}
		}
	}
	var out []time.Time
	for i, t := range all {
		if keep[i] {
			out = append(out, t)
		}
	}
	return out
}

func BenchmarkCheck(b *testing.B) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	times := make([]int64, 100_000)
	for i := range times {
		times[i] = now.Unix() - int64(len(times)-i)*300
	}
	for b.Loop() {
		Check(Promise{Hourly: 24, Daily: 7, Weekly: 4, Monthly: 12}, times, time.Time{}, now)
	}
}
