package visit

import (
	"fmt"
	"strings"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// A Fault is something wrong with a document that a check judges.
type Fault struct {
	Name string // one of the check's closed list: the label problem
	Text string
	Mild bool // those who read the document can live with it
}

// Conclude tells faults, each text once, in the account and as samples of info,
// and makes a failure of those that are not mild: what says of what it is, as
// "the SAML metadata is not as partners need it".
func Conclude(v Visitor, r *probe.Result, info *frame.Family, what string, faults []Fault) error {
	var grave []string
	told := map[string]bool{}
	for _, f := range faults {
		if told[f.Name+": "+f.Text] {
			continue
		}
		v.Note(true, f.Name+": "+f.Text)
		if !told[f.Name] {
			r.Send(info, 1, f.Name)
		}
		told[f.Name], told[f.Name+": "+f.Text] = true, true
		if f.Mild {
			r.Fault(f.Text)
		} else {
			grave = append(grave, f.Text)
		}
	}
	if grave == nil {
		return nil
	}
	return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%s: %s", what, strings.Join(grave, "; ")))
}
