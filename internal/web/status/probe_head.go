package status

import (
	"fmt"
	"slices"
	"time"
)

// maxHeadFaults is how many faults the head names; the looks have all.
const maxHeadFaults = 5

// probeHead says in one line how the service is, from wherever it is looked at.
func (p *pen) probeHead(s *Probe, words *probeWords) headline {
	up, down, all := 0, 0, len(s.Places)
	h := headline{}
	var faults []string
	for i := range s.Places {
		place := &s.Places[i]
		if len(place.Looks) == 0 {
			continue
		}
		switch newest := &place.Looks[0]; newest.State {
		case Down:
		case Good, Faulty:
			up++
			faults = append(faults, newest.Faults...)
		default:
			if down++; len(h.Lines) == 0 {
				h.Lines = append(h.Lines, p.lookWhy(newest))
			}
		}
	}
	since, why := s.blind()
	var m mark
	switch {
	case up+down == 0 && !since.IsZero():
		m = newMark(warn, fmt.Sprintf(words.NotMeasured, p.clock(since).Text))
		h.Lines = append(h.Lines, p.w.clean(why, maxDetail))
	case up+down == 0:
		m = newMark(quiet, words.NotYet)
	case down == 0 && len(faults) > 0:
		m = newMark(warn, words.UpBut)
		slices.Sort(faults)
		faults = slices.Compact(faults)
		for _, fault := range faults[:min(len(faults), maxHeadFaults)] {
			h.Lines = append(h.Lines, p.w.clean(fault, maxDetail))
		}
	case down == 0:
		m = newMark(good, words.Up)
	case up > 0:
		m = newMark(warn, fmt.Sprintf(words.DownSomewhere, down, all))
	case all > 1:
		m = newMark(bad, fmt.Sprintf(words.DownEverywhere, down, all))
	default:
		m = newMark(bad, words.Down)
	}
	h.Level, h.Sign, h.Title = m.Level, m.Sign, m.Text
	if blind := all - up - down; blind > 0 && up+down > 0 {
		h.Lines = append(h.Lines, p.w.count(words.Blind, blind))
	}
	return h
}

// blind tells since when no place could measure, and why the first of them
// cannot; zero: none has tried.
func (s *Probe) blind() (since time.Time, why string) {
	for i := range s.Places {
		place := &s.Places[i]
		from := place.Blind
		for j := range place.Looks {
			if place.Looks[j].State != Down {
				break
			}
			if at := place.Looks[j].At; from.IsZero() || at.Before(from) {
				from = at
			}
			if why == "" {
				why = place.Looks[j].Detail
			}
		}
		if from.After(since) {
			since = from // the last that could has told until then
		}
	}
	return since, why
}
