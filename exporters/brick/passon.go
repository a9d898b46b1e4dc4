package brick

import (
	"tocsin/internal/frame"
	"tocsin/internal/promtext"
)

// passOn sends families of the service's own page as they are. Where the kind
// makes a metric of that name itself, its own wins.
func passOn(s *frame.Sink, own map[string]*frame.Family, families []*promtext.Family) {
	for _, f := range families {
		if own[f.Name] != nil {
			continue
		}
		if mf := f.Metrics(); mf != nil {
			s.Pass(mf)
		}
	}
}
