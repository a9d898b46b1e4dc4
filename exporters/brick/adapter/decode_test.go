package adapter

import (
	"testing"

	"tocsin/bricks"
)

// What a server sends is any bytes: no adapter may panic on them, and a
// failure always has a reason.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1]}`, "redis_version:7\r\ndb0:keys=1,expires=0\r\n", "a{b=\"c\"} 1\n",
		"Active connections: 1 \nserver accepts handled requests\n 2 2 2 \nReading: 0 Writing: 1 Waiting: 0 \n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, name := range bricks.Adapters() {
			_, err := Decode(bricks.Request{Adapter: name, Pass: []string{"a*"}}, Raw{Body: body}, func(string) bool { return true })
			if err != nil && FailureOf(err).Reason != bricks.Unparsable {
				t.Errorf("%s: %v has the reason %s", name, err, FailureOf(err).Reason)
			}
		}
	})
}
