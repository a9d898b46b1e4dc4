package probes

import "tocsin/internal/problem"

// A List is the list probes of the site file.
type List []Config

// SetDefaults fills what the site file left out.
func (l List) SetDefaults() {
	for i := range l {
		l[i].SetDefaults()
	}
}

// Validate adds all that is wrong with the entries, each by itself and taken
// together: a page and a pair of job and instance belong to one probe.
func (l List) Validate(p problem.List) {
	pages, instances := map[string]int{}, map[[2]string]int{}
	for i := range l {
		c, at := &l[i], p.Index(i)
		before := len(p.All())
		c.Validate(at)
		if len(p.All()) > before {
			continue // what is wrong with one is mended first
		}
		slug, instance := c.Slug(), [2]string{c.Job, c.Instance()}
		if first, ok := pages[slug]; ok {
			at.Addf("has the page %s, as probes[%d] has; give one of them another name", slug, first)
		} else if first, ok := instances[instance]; ok {
			at.Addf("has the same job and instance as probes[%d]; write another instance on one of them", first)
		}
		if _, ok := pages[slug]; !ok {
			pages[slug] = i
		}
		if _, ok := instances[instance]; !ok {
			instances[instance] = i
		}
	}
}
