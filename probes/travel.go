package probes

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/probes/protocol"
)

// maxTravelling bounds the entry that travels, so that it fits into a URL.
const maxTravelling = 6 << 10

// home lists the keys that say nothing of the look itself: whoever asks for it
// keeps them.
func home() []string {
	return []string{"target", "name", "on", "from", "job", "instance", "labels", "interval", "retry_interval"}
}

// shared lists the keys of all protocols that may be told to another instance.
func shared() []string {
	return []string{"timeout", "starttls", "ip_version", "server_name", "insecure_skip_verify", "tls_min_version", "tls_max_version"}
}

// Travelling returns what another instance needs to know of an entry to look as
// it says, beside its target: YAML without any secret, and without the name of
// any file. The entry has its defaults. The error names the keys that would
// have to travel and may not: what a key is not known to be harmless for stays.
func (c *Config) Travelling() (string, error) {
	less, stays := c.travelling()
	if stays != nil {
		return "", errors.New(listedKeys(stays))
	}
	text, err := yaml.Marshal(less)
	if err != nil {
		return "", fmt.Errorf("write the entry: %w", err)
	}
	if len(text) > maxTravelling {
		return "", fmt.Errorf("it has %d bytes, and at most %d can be told", len(text), maxTravelling)
	}
	return string(text), nil
}

// Travelled reads what another instance's Travelling wrote. Nothing but what
// travels is taken; the error says what is wrong.
func Travelled(target, text string) (Config, error) {
	c := Config{}
	var wrong []error
	if len(text) > maxTravelling {
		return c, fmt.Errorf("the entry has %d bytes, and at most %d are taken", len(text), maxTravelling)
	}
	_, faults := strict.Decode([]byte(text), &c)
	for _, f := range faults {
		wrong = append(wrong, errors.New(strings.TrimPrefix(f.Path+": ", ": ")+f.Text))
	}
	if c.Target != "" {
		wrong = append(wrong, errors.New("target stands in the entry, too"))
	}
	if c.Target = target; len(wrong) > 0 {
		return c, errors.Join(wrong...)
	}
	c.Interval = max(c.Timeout, model.Duration(DefaultInterval)) // whoever asks has another, that the timeout fits into
	c.SetDefaults()
	less, stays := c.travelling()
	if stays != nil {
		return c, fmt.Errorf("%s cannot be taken from another instance", listedKeys(stays))
	}
	less.Target, less.Interval = target, c.Interval
	less.SetDefaults()
	found := problem.New()
	less.Validate(found)
	for _, p := range found.All() {
		wrong = append(wrong, fmt.Errorf("%s: %s", p.Path, p.Text))
	}
	return *less, errors.Join(wrong...)
}

// validatePlaces refuses an entry whose look is to be made elsewhere and cannot
// be told there. Whether there are such instances is the site file's to say.
func (c *Config) validatePlaces(p problem.List) {
	seen := map[string]bool{}
	for i, name := range c.From {
		switch {
		case name == "":
			p.Index(i).Addf("is empty; write the name of an instance, as it stands under hosts")
		case seen[name]:
			p.Index(i).Addf("%s stands here twice; take one away", name)
		}
		seen[name] = true
	}
}

// travelling splits the keys of an entry: those that travel are in less, stays
// names the others that a look needs.
func (c *Config) travelling() (less *Config, stays []string) {
	less = &Config{}
	known, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	if e == nil {
		return less, []string{"target"}
	}
	section := known.section(c)
	allowed := shared()
	inner := c.place(section) // empty: the section's keys are the entry's own
	var own []string
	t, ok := section.(protocol.Traveller)
	if ok {
		own = t.Travels(e)
	} else {
		stays = append(stays, scheme.Name+"://")
	}
	if inner == "" {
		allowed = append(allowed, own...)
	}
	from, to := reflect.ValueOf(c).Elem(), reflect.ValueOf(less).Elem()
	for _, f := range strict.Fields(from.Type()) {
		v := from.FieldByIndex(f.Struct.Index)
		switch {
		case v.IsZero(), slices.Contains(home(), f.Key):
		case f.Key == inner && ok:
			stays = append(stays, split(v, to.FieldByIndex(f.Struct.Index), inner, own)...)
		case slices.Contains(allowed, f.Key):
			to.FieldByIndex(f.Struct.Index).Set(v)
		default:
			stays = append(stays, f.Key)
		}
	}
	return less, stays
}

// split copies the allowed keys of a section, and lists the others.
func split(from, to reflect.Value, place string, allowed []string) (stays []string) {
	for _, f := range strict.Fields(from.Type()) {
		v := from.FieldByIndex(f.Struct.Index)
		switch {
		case v.IsZero():
		case slices.Contains(allowed, f.Key):
			to.FieldByIndex(f.Struct.Index).Set(v)
		default:
			stays = append(stays, place+"."+f.Key)
		}
	}
	return stays
}

func listedKeys(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return listed(keys, "", "and")
}
