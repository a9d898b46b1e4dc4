package strict

import (
	"testing"

	"tocsin/internal/problem"
)

func TestPositions_find(t *testing.T) {
	var s sample
	at, faults := Decode([]byte("site: a\ndeep:\n  channel: x\nhosts:\n  - a\n  - address: b\n    port: 1\nrules:\n  A: {threshold: 1}\nown:\n  a:\n    - b: 1\n"), &s)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, tt := range []struct {
		path string
		line int
		as   string
	}{
		{"site", 1, "site"},
		{"deep.channel", 3, "deep.channel"},
		{"deep.webhook_url", 2, "deep.webhook_url"},
		{"hosts[1].port", 7, "hosts[1].port"},
		{"hosts[0].port", 5, "hosts[0].port"},
		{"hosts[7].port", 4, "hosts[7].port"},
		{"rules.A[0].threshold", 9, "rules.A.threshold"},
		{"rules.A[0].match.x", 9, "rules.A.match.x"},
		{"own.a[0].b", 12, "own.a[0].b"},
		{"own.a[1].b", 11, "own.a[1].b"},
		{"zone", 1, "zone"},
	} {
		pos, as := at.Find(tt.path)
		if pos.Line != tt.line || as != tt.as {
			t.Errorf("Find(%s) = line %d, %s; want line %d, %s", tt.path, pos.Line, as, tt.line, tt.as)
		}
	}
}

func TestPositions_findInAnEmptyFile(t *testing.T) {
	list := problem.New()
	list.At("site").Addf("is missing; write site: and a name")
	got := (&Error{File: "f", Faults: Positions{}.Place(list.All())}).Error()
	if want := "f: site: is missing; write site: and a name"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
