package backups

import (
	"cmp"
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
	for i := range b.Copies {
		p := newPlace(b.Copies[i].Source, zone)
		p.copy = &b.Copies[i]
		w.places = append(w.places, p)
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
	for _, p := range w.places {
		r := results[p]
		wrong := cmp.Or(r.err, unread(r.series))
		s.Send(readableFamily, truth(wrong == nil), name, p.name)
		if wrong != nil {
			s.Send(failureFamily, 1, name, p.name, string(wrong.reason))
			errs = append(errs, fmt.Errorf("backup %s at %s: %w", name, p.name, wrong))
		}
		if r.err != nil {
			continue
		}
		if w.place(s, p, r.finding, now) {
			copies++
			offSite += int(truth(p.offSite))
		}
		w.promises(s, p, r.finding, now.In(zone))
	}
	s.Send(copiesFamily, float64(copies), name)
	s.Send(offSiteFamily, float64(offSite), name)
	return errors.Join(append(errs, w.restored(s, results))...)
}

// place sends what one place has, and tells whether it counts as a copy.
func (w *watched) place(s *frame.Sink, p *place, f finding, now time.Time) (good bool) {
	name := w.config.Name
	good = true
	flaws := map[reason]bool{}
	youngest := newestOf(f.series)
	for _, one := range f.series {
		at := newestOf([]series{one})
		if one.level == levelIncremental {
			at = youngest // a full one saves what has changed too
		}
		if one.newest.flaw == flawNone && one.level == levelIncremental && !at.IsZero() {
			one.newest.flaw = "" // the first full one has nothing built on it yet
		}
		w.series(s, p, one, at)
		if flaw := one.newest.flaw; flaw != "" {
			flaws[flaw] = true
		}
		good = good && one.newest.valid() && now.Sub(at) <= w.maxAge(p, one.level)
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

// series sends what is known of one level, whose newest was finished then; the
// zero time stands for none.
func (w *watched) series(s *frame.Sink, p *place, one series, newest time.Time) {
	labels := []string{w.config.Name, p.name, one.level}
	s.Send(maxAgeFamily, w.maxAge(p, one.level).Seconds(), labels...)
	if one.newest.flaw != "" || one.newest.valid() { // else it is not known
		s.Send(validFamily, truth(one.newest.valid()), labels...)
	}
	if !newest.IsZero() {
		s.Send(newestFamily, float64(newest.Unix()), labels...)
	}
	if one.listed {
		s.Send(existingFamily, float64(len(one.times)), labels...)
	}
	if one.newest.size >= 0 {
		s.Send(sizeFamily, float64(one.newest.size), labels...)
	}
	if one.newest.median > 0 {
		s.Send(medianFamily, float64(one.newest.median), labels...)
	}
}

// promises sends how old the oldest backup is that a place keeps; and, of the
// place where it lies first, how the ladder stands.
func (w *watched) promises(s *frame.Sink, p *place, f finding, now time.Time) {
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
	if p.copy != nil {
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
	if at := newestOf(r.series); !at.IsZero() {
		s.Send(restoreFamily, float64(at.Unix()), name)
	}
	return nil
}

// maxAge is how old the newest backup of a level may be.
func (w *watched) maxAge(p *place, level string) time.Duration {
	age := w.config.MaxAge
	switch {
	case p.copy != nil && level == levelFull:
		age = max(p.copy.MaxAge, age+copyLag)
	case p.copy != nil:
		age = p.copy.MaxAge
	case level == levelIncremental:
		age = w.config.IncrementalMaxAge
	}
	return time.Duration(age)
}

// valid tells that the newest was looked at and nothing is wrong with it.
func (n newest) valid() bool { return n.flaw == "" && n.unread == nil && !n.unsettled }

// unread is why a newest backup could not be looked into; nil: all could.
func unread(all []series) *placeError {
	for _, s := range all {
		if s.newest.unread != nil {
			return s.newest.unread
		}
	}
	return nil
}

// newestOf is when the newest of all was finished; the zero time: there is
// none.
func newestOf(all []series) time.Time {
	var newest time.Time
	for _, s := range all {
		if n := len(s.times); n > 0 {
			if at := time.Unix(s.times[n-1], 0); at.After(newest) {
				newest = at
			}
		}
	}
	return newest
}
