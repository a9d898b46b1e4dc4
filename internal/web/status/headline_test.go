package status

import (
	"strings"
	"testing"
)

func TestHeadline_saysWhatMattersMost(t *testing.T) {
	warning := Alert{Name: "A", Severity: "warning"}
	critical := Alert{Name: "B", Severity: "critical"}
	muted := Alert{Name: "C", Severity: "critical", Silence: &Silence{By: "amina"}}
	for name, c := range map[string]struct {
		change       func(*Status)
		level, title string
		line         string
	}{
		"all is well":            {func(*Status) {}, good, "All is well", "8 targets are watched and nothing fires."},
		"engine off":             {func(s *Status) { s.Engine = nil }, good, "All is measured", "judged elsewhere"},
		"a warning fires":        {func(s *Status) { s.Alerts = []Alert{warning} }, warn, "1 alert is firing", ""},
		"a critical one fires":   {func(s *Status) { s.Alerts = []Alert{warning, critical} }, bad, "2 alerts are firing", "1 of them is critical."},
		"only silenced":          {func(s *Status) { s.Alerts = []Alert{muted} }, quiet, "Only silenced alerts are firing", "1 more is silenced."},
		"a target is unknown":    {func(s *Status) { s.Targets[0].State = Unknown }, warn, "Nothing fires, but not all is watched", "1 thing could not"},
		"a target is down":       {func(s *Status) { s.Targets[0].State = Down }, warn, "Nothing fires, but not all is watched", ""},
		"a target is in trouble": {func(s *Status) { s.Targets[0].State = Trouble }, warn, "No alert, but something is wrong", "1 target is in trouble"},
		"a brick is down":        {func(s *Status) { s.Bricks[0].State = Trouble }, warn, "No alert, but something is wrong", "1 target is in trouble"},
		"its target too": {func(s *Status) {
			s.Bricks[0].State = Trouble
			s.Targets = append(s.Targets, Target{Job: "brick", Instance: "cache", State: Trouble})
		}, warn, "No alert, but something is wrong", "1 target is in trouble"},
		"a fault":                  {func(s *Status) { s.Targets[6].State = Faulty }, warn, "No alert, but something is wrong", "1 target is fine, but not all"},
		"what nobody asked for":    {func(s *Status) { s.Gaps = []Gap{{What: "x", Aside: true}} }, good, "All that is watched is well", "1 thing cannot be watched"},
		"a gap":                    {func(s *Status) { s.Gaps = []Gap{{What: "x"}} }, warn, "Nothing fires, but not all is watched", ""},
		"configuration refused":    {func(s *Status) { s.Configuration.Refused = "x" }, warn, "Nothing fires, but not all is watched", ""},
		"engine in trouble":        {func(s *Status) { s.Engine.Trouble = "x" }, bad, "How things stand is not known yet.", "alerts may be missing"},
		"starting":                 {func(s *Status) { s.Starting = true }, quiet, "Starting", "first measurements"},
		"nothing is watched":       {func(s *Status) { s.Targets = nil }, warn, "Nothing is watched", ""},
		"fires while gaps are":     {func(s *Status) { s.Alerts = []Alert{warning}; s.Gaps = []Gap{{What: "x"}} }, warn, "1 alert is firing", "1 thing could not"},
		"fires while it is French": {func(s *Status) { s.Language = "fr"; s.Alerts = []Alert{critical, critical} }, bad, "2 alertes en cours", "dont 2 critiques."},
	} {
		t.Run(name, func(t *testing.T) {
			s := calm()
			c.change(s)
			h := newView(s).Head
			if h.Level != c.level || h.Title != c.title || !strings.Contains(strings.Join(h.Lines, "\n"), c.line) {
				t.Errorf("headline is %+v, want level %s, title %q, a line with %q", h, c.level, c.title, c.line)
			}
		})
	}
}
