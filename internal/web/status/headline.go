package status

// A headline is what one sees first.
type headline struct {
	Level, Sign, Title string
	Lines              []string
}

// headline says in one sentence how the site stands. It never says that all
// is well when something is not known.
func (p *pen) headline(s *Status, gaps int) headline {
	w := p.w
	var firing, critical, silenced int
	trouble, faulty, aside := troubled(s), flawed(s), 0
	for i := range s.Gaps {
		if s.Gaps[i].Aside {
			aside++
		}
	}
	gaps -= aside
	for _, a := range s.Alerts {
		switch {
		case a.Silence != nil:
			silenced++
		case a.Severity == "critical":
			critical++
			firing++
		default:
			firing++
		}
	}

	h := headline{}
	var m mark
	engineTrouble := s.Engine != nil && s.Engine.Trouble != ""
	switch {
	case firing > 0:
		level := warn
		if critical > 0 {
			level = bad
			if firing > 1 {
				h.Lines = append(h.Lines, w.count(w.FiresCritical, critical))
			}
		}
		m = newMark(level, w.count(w.Fires, firing))
	case s.Starting:
		m = newMark(quiet, w.Starting)
		h.Lines = append(h.Lines, w.NotKnown)
	case engineTrouble:
		m = newMark(bad, w.NotKnown)
	case trouble > 0:
		m = newMark(warn, w.QuietButTrouble)
	case gaps > 0:
		m = newMark(warn, w.QuietButGaps)
	case faulty > 0:
		m = newMark(warn, w.QuietButTrouble)
	case len(s.Targets) == 0:
		m = newMark(warn, w.NothingToWatch)
	case silenced > 0:
		m = newMark(quiet, w.OnlyMuted)
	case s.Engine == nil:
		m = newMark(good, w.AllWellOff)
		h.Lines = append(h.Lines, w.count(w.WellOffOf, len(s.Targets)))
	default:
		m = newMark(good, w.AllWell)
		if aside > 0 {
			m.Text = w.AllWatchedWell
		}
		h.Lines = append(h.Lines, w.count(w.WellOf, len(s.Targets)))
	}
	if s.Starting {
		h.Lines = append(h.Lines, w.FirstLooks)
	}
	if engineTrouble {
		h.Lines = append(h.Lines, w.EngineTrouble)
	}
	if trouble > 0 {
		h.Lines = append(h.Lines, w.count(w.TroubleOf, trouble))
	}
	if faulty > 0 {
		h.Lines = append(h.Lines, w.count(w.FaultyOf, faulty))
	}
	if aside > 0 {
		h.Lines = append(h.Lines, w.count(w.AsideOf, aside))
	}
	if gaps > 0 {
		h.Lines = append(h.Lines, w.count(w.GapsOf, gaps))
	}
	if silenced > 0 {
		h.Lines = append(h.Lines, w.count(w.FiresSilenced, silenced))
	}
	h.Level, h.Sign, h.Title = m.Level, m.Sign, m.Text
	return h
}

// flawed counts what does what it is for, and is not all as it should be.
func flawed(s *Status) int {
	n := 0
	for i := range s.Targets {
		if s.Targets[i].State == Faulty {
			n++
		}
	}
	return n
}

// troubled counts what was measured and is not well. A brick of another host
// is a target that could be scraped, whatever it says.
func troubled(s *Status) int {
	all := map[key]bool{}
	for i := range s.Targets {
		if t := &s.Targets[i]; t.State == Trouble {
			all[key{t.Job, t.Instance}] = true
		}
	}
	for i := range s.Bricks {
		if b := &s.Bricks[i]; b.State == Trouble {
			all[key{b.Job, b.Instance}] = true
		}
	}
	return len(all)
}
