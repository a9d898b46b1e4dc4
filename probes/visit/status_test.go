package visit

import (
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestStatuses_Shape(t *testing.T) {
	var one Statuses
	if into, err := one.Shape(yaml.ScalarNode, "2xx"); into != nil || err != nil || !slices.Equal(one, Statuses{"2xx"}) {
		t.Errorf("one status became %v, %v: %v", one, into, err)
	}
	if into, err := one.Shape(yaml.SequenceNode, ""); into == nil || err != nil {
		t.Errorf("a list is read into %v: %v", into, err)
	}
	if _, err := one.Shape(yaml.MappingNode, ""); err == nil {
		t.Error("a mapping is taken")
	}
}

func TestStatus(t *testing.T) {
	for text, want := range map[string]StatusRange{"200": {200, 200}, "2xx": {200, 299}, "200-204": {200, 204}, "99": {}, "6xx": {}, "204-200": {}, "x": {}} {
		got, err := ParseStatus(text)
		if got != want || (err == nil) != (want != StatusRange{}) {
			t.Errorf("%s is %v: %v", text, got, err)
		}
	}
	wanted := []StatusRange{{200, 299}, {401, 401}, {500, 503}}
	if !GoodStatus(nil, 204) || GoodStatus(nil, 302) || !GoodStatus(wanted, 401) || GoodStatus(wanted, 404) {
		t.Error("a status is good that is not, or the other way round")
	}
	if got := WrongStatus(wanted, 404).Error(); got != "the answer is 404 Not Found, not 2xx or 401 or 500 to 503" {
		t.Error(got)
	}
}
