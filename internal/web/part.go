package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/frame"
)

// part returns what a request asks for of a target: with collect[] these
// collectors and no others, with exclude[] all but these, as of node_exporter.
// A name that is not among the target's collectors is an error, for a scraper
// that asks for what is not measured would take silence for health.
func part(t *frame.Target, query url.Values) (*frame.Target, error) {
	wanted, unwanted := query["collect[]"], query["exclude[]"]
	switch {
	case len(wanted) == 0 && len(unwanted) == 0:
		return t, nil
	case len(wanted) > 0 && len(unwanted) > 0:
		return nil, errors.New("collect[] and exclude[] cannot be combined; leave one of them out")
	}
	var there []string
	for _, s := range t.States() {
		there = append(there, s.Collector)
	}
	for _, name := range slices.Concat(wanted, unwanted) {
		if !slices.Contains(there, name) {
			return nil, fmt.Errorf("no collector %q runs here; there are %s", name, strings.Join(there, ", "))
		}
	}
	return t.Only(func(name string) bool {
		return slices.Contains(wanted, name) || len(wanted) == 0 && !slices.Contains(unwanted, name)
	}), nil
}
