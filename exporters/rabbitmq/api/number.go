package api

import (
	"encoding/json"
	"math"
	"strconv"
)

// A Number is a number of the management API. Where the broker has none it
// leaves the key out, or writes null or a word ("", "undefined", "NaN"): then
// it is not OK.
type Number struct {
	Value float64
	OK    bool
}

// UnmarshalJSON implements json.Unmarshaler; what is no number is no error.
func (n *Number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	n.Value, n.OK = v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
	return nil
}

// A Text is a word of the management API; what is none is the empty one.
type Text string

// UnmarshalJSON implements json.Unmarshaler; what is no text is no error.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = Text(s)
	}
	return nil
}
