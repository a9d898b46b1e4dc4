package brick

import (
	"strings"
	"testing"

	"tocsin/bricks"
)

func load(t testing.TB) []bricks.Kind {
	t.Helper()
	kinds, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestCatalog_recordedTests(t *testing.T) {
	for _, k := range load(t) {
		states := map[string]bool{}
		produced := map[string]bool{}
		for _, test := range k.Tests {
			t.Run(k.Name+"/"+test.Name, func(t *testing.T) {
				wrong, err := RunTest(t.Context(), k, test)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range wrong {
					t.Error(w)
				}
			})
			for _, state := range []string{"healthy", "degraded", "hostile"} {
				states[state] = states[state] || strings.HasPrefix(test.Name, state)
			}
			for _, line := range samples(test.Page) {
				name, _, _ := strings.Cut(line, "{")
				name, _, _ = strings.Cut(name, " ")
				produced[name] = true
			}
		}
		for _, state := range []string{"healthy", "degraded", "hostile"} {
			if !states[state] {
				t.Errorf("%s: no test of a state that is %s", k.Name, state)
			}
		}
		for _, m := range k.Metrics {
			if !produced[m.Name] {
				t.Errorf("%s: no test produces %s", k.Name, m.Name)
			}
		}
	}
}
