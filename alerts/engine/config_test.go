package engine

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

func TestConfig_shapes(t *testing.T) {
	for scalar, off := range map[string]bool{"off": true, "on": false} {
		var c Config
		if into, err := c.Shape(yaml.ScalarNode, scalar); into != nil || err != nil || c.Off != off {
			t.Errorf("%s: off %t, into %v, %v", scalar, c.Off, into, err)
		}
	}
	var c Config
	if _, err := c.Shape(yaml.ScalarNode, "of"); err == nil {
		t.Error("engine: of was accepted")
	}
	if _, err := c.Shape(yaml.SequenceNode, ""); err == nil {
		t.Error("a list was accepted")
	}
	b, err := yaml.Marshal(map[string]Config{"engine": {Off: true}})
	if err != nil || string(b) != "engine: off\n" && string(b) != "engine: \"off\"\n" {
		t.Errorf("off was written as %q, %v", b, err)
	}
}

func TestConfig_validate(t *testing.T) {
	c := Config{}
	c.SetDefaults()
	good := problem.New()
	c.Validate(good)
	if len(good.All()) > 0 || c.Retention.String() != "100d" {
		t.Errorf("the defaults: %v, retention %s", good.All(), c.Retention)
	}
	bad := problem.New()
	(&Config{Retention: 1, Size: 1}).Validate(bad)
	var text strings.Builder
	for _, p := range bad.All() {
		text.WriteString(p.Path + ": " + p.Text + "\n")
	}
	want := "retention: 0s is not between 1d and 10y; write how long measurements are kept, as 100d\n" +
		"size: 1B is less than the engine can work in; write at least 100MB\n"
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}
