package alerts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Fingerprint identifies an alert in its group by all its labels, whatever
// its annotations and times are.
func (a Alert) Fingerprint() string { return digest(a.Labels)[:16] }

// State tells who fires, who is held and who has ended in n, in one short
// text: two notifications that would tell a reader the same trouble have the
// same state, although their numbers and times moved. A voice that cannot
// edit uses it to say a thing once.
func (n Notification) State() string {
	type alert struct {
		Fingerprint            string
		Ended, Unwatched, Held bool
	}
	states := make(map[string]alert, len(n.Alerts))
	for _, a := range n.Alerts {
		f := a.Fingerprint()
		states[f] = alert{f, a.Resolved(), a.Unwatched, !a.NoDataSince.IsZero()}
	}
	return digest(states)
}

// Content changes with everything that n says, but for the time and the
// reason for which it is said.
func (n Notification) Content() string {
	n.At, n.Reason = time.Time{}, ""
	return digest(n)
}

// digest hashes a value by its JSON form, in which maps are sorted.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		// Maps, strings, booleans and times always marshal, but for a time
		// beyond the year 9999: it still is one value, told by its error.
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
