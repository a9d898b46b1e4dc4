package status

import (
	"cmp"
	"slices"
	"time"
)

type fact struct {
	Name, Text string
	State      mark
	When       moment
}

type facts struct {
	Title string
	Rows  []fact
}

// facts tell of the instance itself: its configuration and its engine.
func (p *pen) facts(s *Status) []facts {
	w, c := p.w, s.Configuration
	configuration := facts{Title: w.ConfigTitle, Rows: []fact{
		{Name: w.ConfigFile, Text: cmp.Or(w.clean(c.File, maxName), w.NoFile)},
		{Name: w.LoadedAt, When: p.at(c.LoadedAt)},
	}}
	if c.Refused != "" {
		configuration.Rows = append(configuration.Rows,
			fact{Name: w.LastReload, State: newMark(bad, w.ReloadRefused), When: p.at(c.RefusedAt)})
	} else {
		configuration.Rows = append(configuration.Rows, fact{Name: w.LastReload, State: newMark(good, w.ReloadGood)})
	}
	configuration.Rows = append(configuration.Rows, fact{Name: w.StartedAt, When: p.at(s.Started)})
	return []facts{configuration, p.engine(s.Engine)}
}

func (p *pen) engine(e *Engine) facts {
	w := p.w
	if e == nil {
		return facts{Title: w.EngineTitle, Rows: []fact{{Name: w.State, Text: w.EngineOff}}}
	}
	disk := p.bytes(e.DiskBytes)
	if e.DiskLimitBytes > 0 {
		disk += " " + w.DiskOf + " " + p.bytes(e.DiskLimitBytes)
	}
	rows := []fact{
		{Name: w.Series, Text: p.number(e.Series)},
		{Name: w.Rules, Text: p.number(e.Rules)},
		{Name: w.Evaluated, When: p.at(e.LastEvaluation)},
		{Name: w.Oldest, When: p.at(e.Oldest)},
		{Name: w.Disk, Text: disk},
	}
	if e.LastEvaluation.IsZero() {
		rows[2].Text = w.Never
	}
	if e.Oldest.IsZero() || e.Oldest.After(p.now.Add(-time.Second)) {
		rows = slices.Delete(rows, 3, 4)
	}
	if e.Trouble != "" {
		rows = append([]fact{{Name: w.State, State: newMark(bad, w.clean(e.Trouble, maxDetail))}}, rows...)
	}
	return facts{Title: w.EngineTitle, Rows: rows}
}
