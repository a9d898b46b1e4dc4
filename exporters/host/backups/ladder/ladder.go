// Package ladder compares the backups that exist with those that were
// promised: so many hourly ones, daily ones, and so on back in time.
package ladder

import (
	"slices"
	"time"
)

// A Promise is how many backups of each kind are kept.
type Promise struct {
	// Hourly is for how many hours there is one in each.
	Hourly int `yaml:"hourly,omitempty"`
	// Daily is for how many days there is one in each.
	Daily int `yaml:"daily,omitempty"`
	// Weekly is for how many weeks, which begin on Monday, there is one in
	// each.
	Weekly int `yaml:"weekly,omitempty"`
	// Monthly is for how many months there is one in each.
	Monthly int `yaml:"monthly,omitempty"`
	// Yearly is for how many years there is one in each.
	Yearly int `yaml:"yearly,omitempty"`
}

// IsZero tells that nothing was promised.
func (p Promise) IsZero() bool { return p == Promise{} }

// Counts are the rungs of one kind, by how they stand. They add up to what was
// promised.
type Counts struct {
	Kind    string // hourly, daily, weekly, monthly, yearly
	Held    int    // there is a backup
	Missing int    // there should be one
	NotDue  int    // it lies before the first backup
}

// A kind of rungs: how its periods begin, and by how much a backup may miss
// one.
type kind struct {
	name  string
	count int
	// start returns when the period n before the one that now lies in began.
	start func(now time.Time, n int) time.Time
	slack time.Duration
}

func (p Promise) kinds() []kind {
	return []kind{
		{"hourly", p.Hourly, hour, 10 * time.Minute},
		{"daily", p.Daily, day, 2 * time.Hour},
		{"weekly", p.Weekly, week, 12 * time.Hour},
		{"monthly", p.Monthly, month, 12 * time.Hour},
		{"yearly", p.Yearly, year, 12 * time.Hour},
	}
}

// hour counts real hours: the one that the clock shows twice in autumn is two.
func hour(now time.Time, n int) time.Time {
	into := time.Duration(now.Minute())*time.Minute + time.Duration(now.Second())*time.Second + time.Duration(now.Nanosecond())
	return now.Add(-into - time.Duration(n)*time.Hour)
}

func day(now time.Time, n int) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d-n, 0, 0, 0, 0, now.Location())
}

func week(now time.Time, n int) time.Time {
	return day(now, (int(now.Weekday())+6)%7+7*n)
}

func month(now time.Time, n int) time.Time {
	y, m, _ := now.Date()
	return time.Date(y, m-time.Month(n), 1, 0, 0, 0, 0, now.Location())
}

func year(now time.Time, n int) time.Time {
	return time.Date(now.Year()-n, time.January, 1, 0, 0, 0, 0, now.Location())
}

// Check counts the rungs as they stand at now, in whose time zone days begin.
// The times are those of the backups that exist, in Unix seconds, ascending.
// Nothing is due of periods that began before the backups did; the zero time
// stands for the oldest that exists.
//
// The rungs end with the period that is in progress, if it has a backup
// already, and with the one before otherwise: that is what a tool keeps that
// forgets the oldest when it makes a new one.
func Check(p Promise, times []int64, began, now time.Time) []Counts {
	if began.IsZero() && len(times) > 0 {
		began = time.Unix(times[0], 0)
	}
	var all []Counts
	for _, k := range p.kinds() {
		if k.count > 0 {
			all = append(all, k.check(times, began, now))
		}
	}
	return all
}

func (k kind) check(times []int64, began, now time.Time) Counts {
	c := Counts{Kind: k.name}
	first := 0
	if in(times, k.start(now, 0), now.Add(time.Second)) == 0 {
		first = 1
	}
	for n := first; n < first+k.count; n++ {
		start, end := k.start(now, n), k.start(now, n-1)
		switch {
		case in(times, start, end) > 0, k.lent(times, start, end, now, n):
			c.Held++
		case began.IsZero() || start.Before(began):
			c.NotDue++
		default:
			c.Missing++
		}
	}
	return c
}

// lent tells whether a period without a backup may count one that just missed
// it: a job that runs around midnight makes none on one day and two on the
// next. A neighbour lends only what it does not need itself.
func (k kind) lent(times []int64, start, end, now time.Time, n int) bool {
	after := in(times, end, end.Add(k.slack)) > 0 && in(times, end, k.start(now, n-2)) > 1
	before := in(times, start.Add(-k.slack), start) > 0 && in(times, k.start(now, n+1), start) > 1
	return after || before
}

// in counts the times of a period, its end left out.
func in(times []int64, start, end time.Time) int {
	from, _ := slices.BinarySearch(times, unixUp(start))
	to, _ := slices.BinarySearch(times, unixUp(end))
	return max(0, to-from)
}

// unixUp is the first whole second that does not lie before t.
func unixUp(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
