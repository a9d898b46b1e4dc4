package adapter

import (
	"strconv"

	"tocsin/bricks"
	"tocsin/internal/lazy"
)

// stub is the answer of nginx's stub_status; spaces and line ends vary.
var stub = lazy.Regexp(`^\s*Active connections:\s*(\d+)\s+server accepts handled requests\s+(\d+)\s+(\d+)\s+(\d+)\s+` +
	`Reading:\s*(\d+)\s+Writing:\s*(\d+)\s+Waiting:\s*(\d+)\s*$`)

func stubStatus(body []byte) (any, error) {
	found := stub().FindSubmatch(body)
	if found == nil {
		return nil, fail(bricks.Unparsable, "its answer is not that of stub_status; does the location have stub_status; in it?")
	}
	out := map[string]any{}
	for i, name := range []string{"active", "accepts", "handled", "requests", "reading", "writing", "waiting"} {
		n, err := strconv.ParseFloat(string(found[i+1]), 64)
		if err != nil {
			return nil, fail(bricks.Unparsable, "its answer has a number that is none")
		}
		out[name] = n
	}
	return out, nil
}
