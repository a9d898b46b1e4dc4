package status

import (
	"reflect"
	"regexp"
	"testing"
)

// TestWords_frenchIsSetAsInPrint looks for spaces at which a line could begin
// with a colon, and for apostrophes of the keyboard.
func TestWords_frenchIsSetAsInPrint(t *testing.T) {
	t.Parallel()
	wrong := regexp.MustCompile(` [:;!?»]|'|[Rr]egards?\b`)
	say := func(where, text string) {
		if found := wrong.FindString(text); found != "" {
			t.Errorf("%s: %q has %q", where, text, found)
		}
	}
	for _, w := range []any{french, probeFrench} {
		for i, v := 0, reflect.ValueOf(w); i < v.NumField(); i++ {
			say(v.Type().Field(i).Name, v.Field(i).String())
		}
	}
	for _, known := range []map[string][2]string{probeReasons(), brickReasons(), missingReasons(), sourceReasons(), certificateReasons()} {
		for reason, texts := range known {
			say(reason, texts[1])
		}
	}
	for _, reason := range []string{"timeout", "still_running", "panic", "permission", "unreachable", "refused", "stalled", "invalid", "error"} {
		say(reason, french.reason(reason))
	}
}
