package status

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A differView says that a server does not show every place the same
// certificate.
type differView struct {
	State mark
	Shown []sightView // one for each certificate, in the order of the places
}

// sightView is one certificate, and who was shown it.
type sightView struct {
	Places      string
	Title       string
	Issuer      string
	Until       moment
	Fingerprint string
}

// fingerprintShown is how much of a fingerprint tells two apart for people.
const fingerprintShown = 16

// differences lists the servers whose own certificates differ from place to
// place, by each place's newest look.
func (p *pen) differences(s *Probe, words *probeWords) []differView {
	type sight struct {
		leaf   *Shown
		places []string
	}
	var servers []string
	seen := map[string][]*sight{}
	for i := range s.Places {
		for name, leaf := range s.Places[i].leaves() {
			if !slices.Contains(servers, name) {
				servers = append(servers, name)
			}
			at := slices.IndexFunc(seen[name], func(x *sight) bool { return x.leaf.Fingerprint == leaf.Fingerprint })
			if at < 0 {
				at = len(seen[name])
				seen[name] = append(seen[name], &sight{leaf: leaf})
			}
			seen[name][at].places = append(seen[name][at].places, p.w.clean(s.Places[i].Name, maxName))
		}
	}
	slices.Sort(servers)
	var views []differView
	for _, name := range servers {
		if len(seen[name]) < 2 {
			continue
		}
		v := differView{State: newMark(warn, fmt.Sprintf(words.Differ, p.w.clean(name, maxName)))}
		for _, x := range seen[name] {
			v.Shown = append(v.Shown, sightView{
				Places: strings.Join(x.places, ", "), Title: p.w.clean(x.leaf.title(), maxName), Issuer: p.w.clean(x.leaf.Issuer, maxName),
				Until:       moment{ISO: x.leaf.NotAfter.Format(time.RFC3339), Text: x.leaf.NotAfter.In(p.now.Location()).Format(time.DateOnly)},
				Fingerprint: p.w.clean(x.leaf.Fingerprint[:min(len(x.leaf.Fingerprint), fingerprintShown)], maxName),
			})
		}
		views = append(views, v)
	}
	return views
}

// leaves are the own certificates of the servers that the newest look met, by
// the servers' names: what a server showed first.
func (p *Place) leaves() map[string]*Shown {
	found := map[string]*Shown{}
	if len(p.Looks) == 0 {
		return found
	}
	for i := range p.Looks[0].Servers {
		server := &p.Looks[0].Servers[i]
		if _, again := found[server.Name]; !again && len(server.Certificates) > 0 && server.Certificates[0].Fingerprint != "" {
			found[server.Name] = &server.Certificates[0]
		}
	}
	return found
}

// title is what a certificate is for: its subject, or else its names.
func (c *Shown) title() string {
	if c.Subject != "" || len(c.Names) == 0 {
		return c.Subject
	}
	return strings.Join(c.Names[:min(len(c.Names), maxCertNames)], ", ")
}
