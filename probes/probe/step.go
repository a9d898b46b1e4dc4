package probe

import "time"

// A Step is one thing that a probe did, for the account that people read.
type Step struct {
	Hop      int           `json:"hop"`
	Phase    Phase         `json:"phase,omitempty"`
	Offset   time.Duration `json:"-"` // since the probe's start
	Duration time.Duration `json:"-"`
	Text     string        `json:"text"`
	Failed   bool          `json:"failed,omitempty"`
}

// Step adds a step to the account. began is when it began; a step that takes
// no time of its own gives time.Time{}.
func (r *Result) Step(hop int, phase Phase, began time.Time, failed bool, text string) {
	now := time.Now()
	if began.IsZero() {
		began = now
	}
	r.Steps = append(r.Steps, Step{
		Hop: hop, Phase: phase, Offset: began.Sub(r.Start), Duration: now.Sub(began), Text: text, Failed: failed,
	})
}
