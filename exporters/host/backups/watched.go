package backups

import (
	"errors"
	"fmt"
	"time"

	"tocsin/exporters/host/backups/ladder"
	"tocsin/internal/frame"
)

// watched is one backup of the site file.
type watched struct {
	config  *Backup
	places  []*place // where it lies first, then its copies
	restore *place   // nil: not asked for
	since   time.Time
}

func newWatched(b *Backup, zone *time.Location) *watched {
	w := &watched{config: b, places: []*place{newPlace(b.Source, zone)}}
	for _, c := range b.Copies {
		w.places = append(w.places, newPlace(c.Source, zone))
	}
	if r := b.RestoreTested; r.Stamp != "" {
		w.restore = &place{name: "restore_tested", what: r.Stamp, source: stamp{r.Stamp}}
	}
	if since, err := time.ParseInLocation(time.DateOnly, b.Since, zone); err == nil {
		w.since = since
	}
	return w
}

func newPlace(s Source, zone *time.Location) *place {
	p := &place{name: s.Place, offSite: s.OffSite}
	switch {
	case s.Restic != "":
		p.what, p.source = s.Restic, &restic{path: s.Restic}
	case s.Borg != "":
		p.what, p.source = s.Borg, &borg{path: s.Borg}
	case s.Snapshots != "":
		if s.InUTC {
			zone = time.UTC
		}
		p.what, p.source = s.Snapshots, zfs{mountPoint: s.Snapshots, prefix: s.Prefix, zone: zone}
	case s.Stamp != "":
		p.what, p.source = s.Stamp, stamp{s.Stamp}
	case len(s.Full) > 0:
		p.what, p.source = s.Full[0], newFiles(s)
	default:
		p.what, p.source = s.Files[0], newFiles(s)
	}
	return p
}

// send sends all that is known of the backup, and returns what could not be
// looked at.
func (w *watched) send(s *frame.Sink, results map[*place]result, now time.Time, zone *time.Location) error {
	name := w.config.Name
	var errs []error
	copies, offSite := 0, 0
	for i, p := range w.places {
		r := results[p]
		s.Send(readableFamily, truth(r.err == nil), name, p.name)
		if r.err != nil {
			s.Send(failureFamily, 1, name, p.name, string(r.err.reason))
			errs = append(errs, fmt.Errorf("backup %s at %s: %w", name, p.name, r.err))
			continue
		}
		if w.place(s, p, r.finding, i > 0, now) {
			copies++
			offSite += int(truth(p.offSite))
		}
		w.promises(s, p, r.finding, i > 0, now.In(zone))
	}
	s.Send(copiesFamily, float64(copies), name)
	s.Send(offSiteFamily, float64(offSite), name)
	return errors.Join(append(errs, w.restored(s, results))...)
}

// place sends what one place has, and tells whether it counts as a copy.
func (w *watched) place(s *frame.Sink, p *place, f finding, isCopy bool, now time.Time) (good bool) {
	name := w.config.Name
	good = true
	flaws := map[reason]bool{}
	youngest := newestOf(f.series)
	for _, level := range f.series {
		maxAge := w.maxAge(p, level.level, isCopy)
		s.Send(maxAgeFamily, maxAge.Seconds(), name, p.name, level.level)
		at, ok := level.last()
		if level.level == levelIncremental {
			at, ok = youngest, !youngest.IsZero() // a full one saves what has changed too
		}
		if ok {
			s.Send(newestFamily, float64(at.Unix()), name, p.name, level.level)
		}
		if level.listed {
			s.Send(existingFamily, float64(len(level.times)), name, p.name, level.level)
		}
		if n := level.newest; n.size >= 0 {
			s.Send(sizeFamily, float64(n.size), name, p.name, level.level)
			if n.median > 0 {
				s.Send(medianFamily, float64(n.median), name, p.name, level.level)
			}
		}
		flaw := level.newest.flaw
		if flaw == flawNone && level.level == levelIncremental && ok {
			flaw = "" // the first full one has nothing built on it yet
		}
		s.Send(validFamily, truth(flaw == ""), name, p.name, level.level)
		if flaw != "" {
			flaws[flaw] = true
		}
		good = good && flaw == "" && ok && now.Sub(at) <= maxAge
	}
	for flaw := range flaws {
		s.Send(failureFamily, 1, name, p.name, string(flaw))
	}
	if !f.locked.IsZero() {
		s.Send(lockFamily, float64(f.locked.Unix()), name, p.name)
	}
	if f.total > 0 {
		s.Send(totalFamily, float64(f.total), name, p.name)
	}
	return good
}

// promises sends how old the oldest backup is that a place keeps; and, of the
// place where it lies first, how the ladder stands.
func (w *watched) promises(s *frame.Sink, p *place, f finding, isCopy bool, now time.Time) {
	name := w.config.Name
	var times []int64
	for _, level := range f.series {
		if !level.listed {
			return
		}
		times = append(times, level.times...)
	}
	times, _ = past(times, now)
	if len(times) > 0 {
		s.Send(oldestFamily, float64(times[0]), name, p.name)
	}
	if d := time.Duration(w.config.DeleteAfter); d > 0 {
		s.Send(deleteAfterFamily, d.Seconds(), name, p.name)
	}
	if isCopy {
		return
	}
	began := w.since
	if began.IsZero() && !f.began.IsZero() && (len(times) == 0 || f.began.Before(time.Unix(times[0], 0))) {
		began = f.began
	}
	for _, c := range ladder.Check(w.config.Keep, times, began, now) {
		s.Send(rungsFamily, float64(c.Held), name, p.name, c.Kind, "held")
		s.Send(rungsFamily, float64(c.Missing), name, p.name, c.Kind, "missing")
		s.Send(rungsFamily, float64(c.NotDue), name, p.name, c.Kind, "not_due")
	}
}

// restored sends when a restore was tested.
func (w *watched) restored(s *frame.Sink, results map[*place]result) error {
	if w.restore == nil {
		return nil
	}
	name := w.config.Name
	s.Send(restoreMaxAgeFamily, time.Duration(w.config.RestoreTested.MaxAge).Seconds(), name)
	r := results[w.restore]
	if r.err != nil {
		return fmt.Errorf("restore test of backup %s: %w", name, r.err)
	}
	if at, ok := r.series[0].last(); ok {
		s.Send(restoreFamily, float64(at.Unix()), name)
	}
	return nil
}

// maxAge is how old the newest backup of a level may be.
func (w *watched) maxAge(p *place, level string, isCopy bool) time.Duration {
	for i := range w.config.Copies {
		c := &w.config.Copies[i]
		switch {
		case !isCopy || c.Place != p.name:
		case level == levelFull:
			return time.Duration(max(c.MaxAge, w.config.MaxAge+copyLag))
		default:
			return time.Duration(c.MaxAge)
		}
	}
	if level == levelIncremental {
		return time.Duration(w.config.IncrementalMaxAge)
	}
	return time.Duration(w.config.MaxAge)
}

// last is when the newest of the series was finished.
func (s series) last() (time.Time, bool) {
	if len(s.times) == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.times[len(s.times)-1], 0), true
}

// newestOf is when the newest of all was finished; zero: there is none.
func newestOf(all []series) time.Time {
	var newest time.Time
	for _, s := range all {
		if at, ok := s.last(); ok && at.After(newest) {
			newest = at
		}
	}
	return newest
}
