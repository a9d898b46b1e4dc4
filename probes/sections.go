package probes

import (
	"reflect"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/probes/protocol"
)

// validateProtocol looks at the section of the target's protocol, and refuses
// what is written for another one: it would be taken for a check that is made.
func (c *Config) validateProtocol(p problem.List) {
	known, scheme := schemeOf(c.Target)
	if known == nil {
		return // the target is refused already
	}
	own := known.section(c)
	for _, other := range all() {
		if section := other.section(c); section != own {
			for _, key := range c.written(section) {
				p.At(key).Addf("is for targets with %s, and this one has %s://; take it out", listedSchemes(other.Schemes), scheme.Name)
			}
		}
	}
	for _, group := range []struct {
		used  bool
		what  string
		value any
	}{
		{scheme.TLS, "speaks no TLS", &c.TLS},
		{scheme.Login, "lets nobody log in", &c.Login},
	} {
		if group.used {
			continue
		}
		for _, key := range c.written(group.value) {
			p.At(key).Addf("means nothing with %s://, which %s; take it out", scheme.Name, group.what)
		}
	}
	if c.StartTLS && !scheme.StartTLS {
		p.At("starttls").Addf("means nothing with %s://, which does not begin without TLS and then ask for it; take it out", scheme.Name)
	}
	c.validateExpect(p, scheme, own)
	if e := c.entry(scheme); e != nil {
		if key := c.place(own); key != "" {
			p = p.At(key)
		}
		own.Validate(p, e)
	}
}

// place is the key that a section stands under; empty where its keys are the
// entry's own.
func (c *Config) place(section any) string {
	for _, f := range strict.Fields(reflect.TypeFor[Config]()) {
		if reflect.ValueOf(c).Elem().FieldByIndex(f.Struct.Index).Addr().Interface() == section {
			return f.Key
		}
	}
	return ""
}

// written lists the keys of a section or a group of keys that the file has, as
// they stand in the entry.
func (c *Config) written(section any) []string {
	v := reflect.ValueOf(section).Elem()
	if v.IsZero() {
		return nil
	}
	if key := c.place(section); key != "" {
		return []string{key}
	}
	var keys []string
	for _, f := range strict.Fields(v.Type()) {
		if !v.FieldByIndex(f.Struct.Index).IsZero() {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

func listedSchemes(schemes []protocol.Scheme) string {
	if len(schemes) == 1 {
		return schemes[0].Name + "://"
	}
	names := make([]string, len(schemes))
	for i, s := range schemes {
		names[i] = s.Name
	}
	return listed(names, "://", "and")
}
