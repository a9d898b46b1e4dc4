package strict

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/secret"
)

// sample has every shape that a configuration has.
type sample struct {
	Site    string            `yaml:"site"`
	Count   int               `yaml:"count"`
	Small   uint8             `yaml:"small"`
	Ratio   float64           `yaml:"ratio"`
	On      bool              `yaml:"on"`
	Wait    model.Duration    `yaml:"wait"`
	Token   secret.Text       `yaml:"token"`
	Labels  map[string]string `yaml:"labels"`
	Hosts   []place           `yaml:"hosts"`
	Deep    deep              `yaml:"deep"`
	Pointer *deep             `yaml:"pointer"`
	Rules   map[string]ones   `yaml:"rules"`
	Inline  inlined           `yaml:",inline"`
	Own     itself            `yaml:"own"`
	_       string            // unexported fields are no keys
}

// itself reads YAML without help.
type itself struct{ keys []string }

func (i *itself) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("yaml: must be a mapping of its own kind")
	}
	for k := 0; k < len(n.Content); k += 2 {
		i.keys = append(i.keys, n.Content[k].Value)
	}
	return nil
}

type inlined struct {
	Zone string `yaml:"zone"`
}

type deep struct {
	WebhookURL secret.Text `yaml:"webhook_url"`
	Channel    string      `yaml:"channel"`
}

type place struct {
	Address string `yaml:"address"`
	Port    int    `yaml:"port"`
}

func (p *place) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		p.Address = scalar
		return nil, nil
	case yaml.MappingNode:
		type plain place
		return (*plain)(p), nil
	}
	return nil, errors.New("must be a name, or a mapping with address")
}

type one struct {
	Threshold float64 `yaml:"threshold"`
}

type ones []one

func (o *ones) Shape(kind yaml.Kind, _ string) (any, error) {
	switch kind {
	case yaml.MappingNode:
		*o = make(ones, 1)
		return &(*o)[0], nil
	case yaml.SequenceNode:
		return (*[]one)(o), nil
	}
	return nil, errors.New("must be a mapping or a list of mappings")
}

func TestDecode_allShapes(t *testing.T) {
	var got sample
	_, faults := Decode([]byte(`
site: ville
count: -12
small: 255
ratio: 0.95
on: yes
wait: 100d
token: 1234
labels: {level: sensible, n: 5}
hosts:
  - db1
  - {address: db2, port: 10617}
deep: {channel: town}
pointer: {webhook_url: https://x}
rules:
  A: {threshold: 1}
  B: [{threshold: 2}, {threshold: 3}]
zone: north
own: {a: 1, b: {c: 2}}
`), &got)
	if len(faults) > 0 {
		t.Fatalf("faults: %v", faults)
	}
	want := sample{
		Site: "ville", Count: -12, Small: 255, Ratio: 0.95, On: true,
		Wait: model.Duration(100 * 24 * 3600e9), Token: secret.New("1234"),
		Labels:  map[string]string{"level": "sensible", "n": "5"},
		Hosts:   []place{{Address: "db1"}, {Address: "db2", Port: 10617}},
		Deep:    deep{Channel: "town"},
		Pointer: &deep{WebhookURL: secret.New("https://x")},
		Rules:   map[string]ones{"A": {{1}}, "B": {{2}, {3}}},
		Inline:  inlined{Zone: "north"},
		Own:     itself{keys: []string{"a", "b"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{}, itself{}, secret.Text{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_valid(t *testing.T) {
	for name, text := range map[string]string{
		"empty":               "",
		"white space":         "\n  \n",
		"comments":            "# nothing\n# here\n",
		"begin mark":          "---\n",
		"begin and end":       "---\nsite: a\n...\n",
		"keys without value":  "hosts:\nsite:\nlabels:\ndeep:\n",
		"byte order mark":     "\ufeffsite: a\n",
		"anchor and alias":    "site: &s a\nzone: *s\n",
		"merge key":           "hosts:\n  - &h {address: a, port: 1}\n  - {<<: *h, address: b}\n",
		"merge a list":        "hosts:\n  - &h {address: a}\n  - &i {port: 1}\n  - {<<: [*h, *i]}\n",
		"tab inside text":     "site: a\tb\n",
		"tab after colon":     "site:\ta\n",
		"tab in block text":   "site: |\n  a\n  \tb\n",
		"quoted null is text": "site: \"null\"\n",
		"windows line ends":   "site: a\r\nzone: b\r\n",
		"null list":           "hosts: ~\n",
	} {
		var s sample
		if _, faults := Decode([]byte(text), &s); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestDecode_mergeKey(t *testing.T) {
	var s sample
	_, faults := Decode([]byte("hosts:\n  - &h {address: a, port: 1}\n  - {<<: *h, address: b}\n"), &s)
	if diff := cmp.Diff([]place{{"a", 1}, {"b", 1}}, s.Hosts); diff != "" || len(faults) > 0 {
		t.Error(diff, faults)
	}
}

func TestDecode_faults(t *testing.T) {
	const keys = "site, count, small, ratio, on, wait, token, labels, hosts, deep, pointer, rules, zone, own"
	for _, tt := range []struct{ name, text, want string }{
		{"typo", "deep:\n  webhok_url: x\n", "f:2: deep.webhok_url: unknown key; did you mean webhook_url?"},
		{"exchanged letters", "stie: a\n", "f:1: stie: unknown key; did you mean site?"},
		{"dash for underscore", "deep: {webhook-url: x}\n", "f:1: deep.webhook-url: unknown key; did you mean webhook_url?"},
		{"wrong level", "address: x\nchannel: y\n", "f:1: address: unknown key; the keys here are " + keys + "\nf:2: channel: unknown key; the keys here are " + keys},
		{"unknown", "colour: blue\n", "f:1: colour: unknown key; the keys here are " + keys},
		{"unexported", "hidden: x\n", "f:1: hidden: unknown key; the keys here are " + keys},
		{"duplicate", "site: a\nzone: b\nsite: c\n", "f:3: site: this key is written twice, first on line 1; keep one"},
		{"duplicate in map", "labels:\n  a: 1\n  a: 2\n", "f:3: labels.a: this key is written twice, first on line 2; keep one"},
		{"duplicate by quotes", "site: a\n\"site\": b\n", "f:2: site: this key is written twice, first on line 1; keep one"},
		{"number wanted", "count: many\n", `f:1: count: must be a whole number; it is "many"`},
		{"whole number wanted", "count: 1.5\n", `f:1: count: must be a whole number; it is "1.5"`},
		{"number too large", "small: 256\n", `f:1: small: must be a whole number; it is "256"`},
		{"percent", "ratio: 95%\n", `f:1: ratio: must be a number, as 5 or 0.95; it is "95%"`},
		{"not a number", "ratio: nan\n", `f:1: ratio: must be a number, as 5 or 0.95; it is "nan"`},
		{"truth wanted", "on: maybe\n", `f:1: on: must be true or false; it is "maybe"`},
		{"quoted truth", "on: \"true\"\n", `f:1: on: must be true or false; it is "true"`},
		{"duration", "wait: 10 minutes\n", `f:1: wait: "10 minutes" is no duration; write a number with its unit, as 30s, 5m, 12h or 100d`},
		{"duration without unit", "wait: 10\n", `f:1: wait: "10" is no duration; write a number with its unit, as 30s, 5m, 12h or 100d`},
		{"text wanted", "site: [a]\n", "f:1: site: must be text; it is a list"},
		{"mapping wanted", "deep: town\n", "f:1: deep: must be a mapping, lines of \"key: value\" below it; it is a single value"},
		{"map wanted", "labels: [a]\n", "f:1: labels: must be a mapping, lines of \"key: value\" below it; it is a list"},
		{"list wanted", "hosts: {a: b}\n", "f:1: hosts: must be a list, lines that begin with \"- \" or [one, two]; it is a mapping"},
		{"single value wanted", "wait: {a: b}\n", "f:1: wait: must be a single value; it is a mapping"},
		{"union", "hosts:\n  - [a]\n", "f:2: hosts[0]: must be a name, or a mapping with address"},
		{"unknown in union", "hosts:\n  - a\n  - {adress: b}\n", "f:3: hosts[1].adress: unknown key; did you mean address?"},
		{"empty entry", "hosts:\n  - a\n  -\n", "f:3: hosts[1]: an entry with nothing in it; fill it or take it away"},
		{"root list", "- a\n- b\n", "f:1: the file must be lines of \"key: value\"; it begins with a list"},
		{"root scalar", "hello\n", "f:1: the file must be lines of \"key: value\"; it begins with a single value"},
		{"second document", "site: a\n---\nsite: b\n", "f:2: a second document begins here; write everything in one, and take the line --- away"},
		{"type of its own", "own: [a]\n", "f:1: own: must be a mapping of its own kind"},
		{"tag", "site: !x a\n", "f:1: site: a tag (!) has no meaning here; take it away, or put text that begins with ! in quotes"},
		{"complex key", "? [a]\n: b\n", "f:1: a key must be a plain word"},
		{"null key", "~: b\n", "f:1: a key must be a plain word"},
		{"tab", "deep:\n\tchannel: x\n", "f:2: a tab indents this line; YAML wants spaces, write two for each level"},
		{"tab after spaces", "deep:\n  channel: x\n \t webhook_url: y\n", "f:3: a tab indents this line; YAML wants spaces, write two for each level"},
		{"indentation", "site: a\n  zone: b\n", "f:2: a second \": \" where only a value can stand; check the indentation, write a space behind the colon of a key, and put text that contains \": \" in quotes"},
		{"indentation back", "deep:\n    channel: x\n  webhook_url: y\n", "f:3: this line does not fit the lines above it; check its indentation, and that quotes and brackets are closed"},
		{"colon in text", "site: a: b\n", "f:1: a second \": \" where only a value can stand; check the indentation, write a space behind the colon of a key, and put text that contains \": \" in quotes"},
		{"open quote", "site: a\nzone: \"b\nlabels: {}\n", "f:2: a quote is opened and never closed"},
		{"open bracket", "site: a\nhosts: [a, b\nzone: c\n", "f:2: a list that was opened with [ is not closed, or a text in it needs quotes; write [one, \"two\"]"},
		{"open brace", "deep: {channel: a\n", "f:1: a mapping that was opened with { is not closed, or a text in it needs quotes; write {key: value, key: \"value\"}"},
		{"at sign", "site: @home\n", "f:1: a value begins with a character that YAML keeps for itself (@, `, % or a tab); put the value in quotes"},
		{"unknown anchor", "token: *hunter2\n", "f:1: an alias (* and a name) without its anchor; put text that begins with * in quotes"},
		{"not UTF-8", "site: a\nzone: caf\xe9\n", "f:2: column 10 is not UTF-8 text (byte 0xe9); save the file with the encoding UTF-8"},
		{"UTF-16", "\xff\xfes\x00i\x00", "f:1: column 1 is not UTF-8 text (byte 0xff); save the file with the encoding UTF-8"},
		{"control character", "site: a\x01b\n", "f:1: a control character in the text; take it away"},
		{"merge of text", "deep: {<<: town}\n", "f:1: deep: << takes an alias (*name) of a mapping, or a list of them"},
		{"several", "sitee: a\ncount: x\nhosts:\n  - {prot: 1}\nsite: a\nsite: b\n", "f:1: sitee: unknown key; did you mean site?\n" +
			"f:2: count: must be a whole number; it is \"x\"\n" +
			"f:4: hosts[0].prot: unknown key; did you mean port?\n" +
			"f:6: site: this key is written twice, first on line 5; keep one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s sample
			_, faults := Decode([]byte(tt.text), &s)
			got := (&Error{File: "f", Faults: faults}).Error()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecode_keyOfAnotherPlace(t *testing.T) {
	var s struct {
		Alerts struct {
			Mattermost deep `yaml:"mattermost"`
		} `yaml:"alerts"`
		Listen string `yaml:"listen"`
	}
	_, faults := Decode([]byte("mattermost: {channel: x}\nalerts: {listen: y}\n"), &s)
	want := "f:1: mattermost: unknown key here; it belongs under alerts\n" +
		"f:2: alerts.listen: unknown key; the keys here are mattermost"
	if diff := cmp.Diff(want, (&Error{File: "f", Faults: faults}).Error()); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_tooLarge(t *testing.T) {
	var s sample
	_, faults := Decode([]byte("# "+strings.Repeat("x", MaxSize)), &s)
	if len(faults) != 1 || !strings.Contains(faults[0].Text, "larger than") {
		t.Errorf("faults: %v", faults)
	}
}

// Nine levels of nine aliases each would be 387 million values.
func TestDecode_billionLaughs(t *testing.T) {
	type tree map[string]tree
	var b strings.Builder
	b.WriteString("a0: &a0 {x: , y: }\n")
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d {", i, i)
		for j := range 9 {
			fmt.Fprintf(&b, "k%d: *a%d, ", j, i-1)
		}
		b.WriteString("}\n")
	}
	var got tree
	_, faults := Decode([]byte(b.String()), &got)
	if len(faults) != 1 || !strings.Contains(faults[0].Text, "unfold to more than 10000 values") {
		t.Errorf("faults: %v", faults)
	}
}

// A merge key unfolds what is below the anchor, too.
func TestDecode_mergeBomb(t *testing.T) {
	type leaf map[string]string
	var b strings.Builder
	b.WriteString("a: &a {k: {")
	for i := range 100 {
		fmt.Fprintf(&b, "k%d: v, ", i)
	}
	b.WriteString("}}\n")
	for i := range 200 {
		fmt.Fprintf(&b, "m%d: {<<: *a}\n", i)
	}
	var got map[string]map[string]leaf
	_, faults := Decode([]byte(b.String()), &got)
	if len(faults) != 1 || !strings.Contains(faults[0].Text, "unfold to more than 10000 values") {
		t.Errorf("faults: %v", faults)
	}
}

func TestError_manyFaults(t *testing.T) {
	var faults []Fault
	for range 201 {
		faults = append(faults, Fault{Line: 2, Text: "x"})
	}
	text := (&Error{File: "f", Faults: faults}).Error()
	if lines := strings.Split(text, "\n"); len(lines) != 101 || lines[100] != "f: and 101 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestDecode_aliasInItself(t *testing.T) {
	type tree map[string]tree
	var got tree
	_, faults := Decode([]byte("t: &t\n  a: *t\n"), &got)
	want := "f:2: t.a.a: this alias (*) stands inside its own anchor; write the value out"
	if diff := cmp.Diff(want, (&Error{File: "f", Faults: faults}).Error()); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_deepNesting(t *testing.T) {
	type tree map[string]tree
	var got tree
	_, faults := Decode([]byte(strings.Repeat("{a: ", 200)+strings.Repeat("}", 200)), &got)
	if len(faults) != 1 || !strings.Contains(faults[0].Text, "levels of nesting") {
		t.Errorf("faults: %v", faults)
	}
}

func TestDecode_neverRepeatsASecret(t *testing.T) {
	const marker = "hunter2"
	for _, text := range []string{
		"token: [" + marker + "]\n",
		"token: {a: " + marker + "}\n",
		"token: !" + marker + " x\n",
		"token: *" + marker + "\n",
		"token: @" + marker + "\n",
		"token: %" + marker + "\n",
		"token: \"" + marker + "\n",
		"token: '" + marker + "'' x\n",
		"token: " + marker + ": x\n",
		"token: " + marker + "\ntoken: " + marker + "2\n",
		"tokenn: " + marker + "\n",
		"deep: https://chat.example/hooks/" + marker + "\n",
		"hosts: https://u:" + marker + "@h\n",
		"count: https://u:" + marker + "@h\n",
		"wait: u:" + marker + "\n",
		"https://u:" + marker + "@h : x\n",
		"\"https://u:" + marker + "@h\": x\n",
		"token: \"\\q" + marker + "\"\n",
		"\ttoken: " + marker + "\n",
		"token: |" + marker + "\n",
	} {
		var s sample
		_, faults := Decode([]byte(text), &s)
		got := (&Error{File: "f", Faults: faults}).Error()
		if len(faults) == 0 {
			t.Errorf("no fault in %q", text)
		}
		if strings.Contains(got, marker) {
			t.Errorf("%q repeats the secret: %s", text, got)
		}
	}
}
