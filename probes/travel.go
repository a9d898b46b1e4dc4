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
	return []string{"timeout", "expect", "starttls", "ip_version", "server_name", "insecure_skip_verify", "tls_min_version", "tls_max_version"}
}

// hereAlone lists the keys of what is looked at beside the probe, seldom, by the
// instance that has the entry: another one keeps nothing between two looks.
func hereAlone() []string { return []string{"tls_versions", "header_grade"} }

// Travelling returns what another instance needs to know of an entry to look as
// it says, beside its target: YAML without any secret, and without the name of
// any file. The entry has its defaults. The error says what would have to travel
// and may not: what a key is not known to be harmless for stays.
func (c *Config) Travelling() (string, error) {
	less, stays, _, err := c.travelling()
	if err != nil {
		return "", err
	}
	if stays != nil {
		return "", fmt.Errorf("another instance cannot be told %s: secrets, logins, names of files, whom else to ask, "+
			"and what does more than look stay on this machine", listedKeys(stays))
	}
	text, err := yaml.Marshal(less)
	if err != nil {
		return "", fmt.Errorf("write the entry: %w", err)
	}
	if len(text) > maxTravelling {
		return "", fmt.Errorf("another instance can be told at most %d bytes, and the entry has %d", maxTravelling, len(text))
	}
	return string(text), nil
}

// HereAlone names the keys of the entry whose looks are made by the instance
// that has the entry, whatever stands in from; empty for none.
func (c *Config) HereAlone() string {
	_, _, here, err := c.travelling()
	if err != nil || here == nil {
		return ""
	}
	return listedKeys(here)
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
	less, stays, here, err := c.travelling()
	if err != nil {
		return c, err
	}
	if stays = append(stays, here...); stays != nil {
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
// names the others that a look needs, and here those of what is looked at beside
// it. The error says that nothing of such an entry travels.
func (c *Config) travelling() (less *Config, stays, here []string, err error) {
	less = &Config{}
	known, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	if e == nil {
		return less, nil, nil, errors.New("the target is none that can be looked at")
	}
	section := known.section(c)
	t, ok := section.(protocol.Traveller)
	if !ok {
		why := "it has not said what of it another instance may be told"
		if s, ok := section.(protocol.Settled); ok {
			why = s.Stays()
		}
		return less, nil, nil, fmt.Errorf("%s:// stays on this machine: %s", scheme.Name, why)
	}
	allowed, own := shared(), t.Travels(e)
	inner := c.place(section) // empty: the section's keys are the entry's own
	if inner == "" {
		allowed = append(allowed, own...)
	}
	from, to := reflect.ValueOf(c).Elem(), reflect.ValueOf(less).Elem()
	for _, f := range strict.Fields(from.Type()) {
		v := from.FieldByIndex(f.Struct.Index)
		switch {
		case v.IsZero(), slices.Contains(home(), f.Key):
		case slices.Contains(hereAlone(), f.Key):
			here = append(here, f.Key)
		case f.Key == inner:
			stays = append(stays, split(v, to.FieldByIndex(f.Struct.Index), inner, own)...)
		case slices.Contains(allowed, f.Key):
			to.FieldByIndex(f.Struct.Index).Set(v)
		default:
			stays = append(stays, f.Key)
		}
	}
	return less, stays, here, nil
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
