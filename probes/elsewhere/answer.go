package elsewhere

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"tocsin/probes"
	"tocsin/probes/probe"
)

// maxSteps bounds the account that is taken from another instance.
const maxSteps = 200

// Answer writes what one instance tells another of a look: the account, and the
// page of metrics in the text format.
func Answer(r *probes.Result, page string) ([]byte, error) {
	return json.Marshal(struct {
		Look *probes.Result `json:"look"`
		Page string         `json:"page"`
	}{r, page})
}

// answer is the same as it is read.
type answer struct {
	Look look   `json:"look"`
	Page string `json:"page"`
}

// look is the account: a Result's own JSON, of which the certificates are left
// to the page.
type look struct {
	Target   string       `json:"target"`
	Start    time.Time    `json:"start"`
	Duration float64      `json:"duration_seconds"`
	Success  bool         `json:"success"`
	Reason   probe.Reason `json:"reason"`
	Phase    probe.Phase  `json:"phase"`
	Error    string       `json:"error"`
	Faults   []string     `json:"faults"`
	Steps    []step       `json:"steps"`
}

type step struct {
	probe.Step
	Offset   float64 `json:"offset_seconds"`
	Duration float64 `json:"duration_seconds"`
}

// result is the look as this instance keeps it, bounded: another instance is
// believed no more than a network is. A failure always has a reason of the
// closed list, and its time is ours.
func (t *look) result() probes.Result {
	r := probes.Result{
		Target: cut(t.Target), Duration: seconds(t.Duration), Start: time.Now().Add(-seconds(t.Duration)),
		Success: t.Success, Phase: t.Phase,
	}
	if !slices.Contains(probe.Phases(), r.Phase) {
		r.Phase = ""
	}
	if !t.Success {
		if r.Reason = t.Reason; !slices.Contains(probe.Reasons(), r.Reason) {
			r.Reason = probe.Other
		}
		r.Err = errors.New(cut(t.Error))
	}
	for _, text := range t.Faults {
		r.Fault(cut(text)) // bounded there
	}
	for _, s := range t.Steps[:min(len(t.Steps), maxSteps)] {
		s.Step.Text, s.Step.Offset, s.Step.Duration = cut(s.Text), seconds(s.Offset), seconds(s.Duration)
		if s.Step.Phase != "" && !slices.Contains(probe.Phases(), s.Step.Phase) {
			continue
		}
		r.Steps = append(r.Steps, s.Step)
	}
	return r
}

func seconds(s float64) time.Duration {
	if math.IsNaN(s) || s < 0 || s > time.Hour.Seconds() {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

func cut(s string) string { return (*probe.Redactor)(nil).Text(s) }
