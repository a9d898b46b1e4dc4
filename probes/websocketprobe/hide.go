package websocketprobe

import (
	"encoding/json"
	"strings"
)

// minValue is the length from which a value inside the text that is sent is
// hidden by itself: shorter ones are words of the protocol, as "subscribe".
const minValue = 8

// secrets are what must not be seen of the text that is sent, whole or, where
// it is JSON, value by value: a server may repeat the token alone. What expect
// shows is no secret.
func secrets(send, expect string) []string {
	hidden := []string{send}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) >= minValue && !strings.Contains(expect, v) {
				hidden = append(hidden, v)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	var v any
	if json.Unmarshal([]byte(send), &v) == nil {
		walk(v)
	}
	return hidden
}
