package updatewatch

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/version"
)

// watched is a project, ready to be asked for.
type watched struct {
	Project
	source  forge.Source
	host    string // that is asked
	pattern version.Pattern
	ignored map[string]bool
}

func (w *watched) every() time.Duration   { return time.Duration(w.Interval) }
func (w *watched) scheme() version.Scheme { return version.Scheme(w.Scheme) }

// titlePattern finds the version in the title of a plain feed.
const titlePattern = `(?:.*[^0-9A-Za-z.])?v?([0-9]+(?:\.[0-9]+)+(?:[-.~+]?(?:rc|beta|alpha)[-.]?[0-9]*)?)(?:[^0-9A-Za-z.].*|\.)?`

// prepare makes the projects of a valid configuration ready.
func (c *Config) prepare() ([]*watched, error) {
	var all []*watched
	for _, p := range c.Projects {
		w := &watched{Project: p, ignored: map[string]bool{}}
		w.source = c.source(p)
		for _, a := range forge.Addresses(w.source) {
			if u, err := url.Parse(a); err == nil {
				w.host = u.Host
			}
		}
		text := p.Tag
		switch {
		case text == "" && p.Feed != "":
			text = titlePattern
		case text == "" && p.Apt != "":
			text = `(.+)`
		}
		var err error
		if w.pattern, err = version.NewPattern(text); err != nil {
			return nil, err
		}
		for _, text := range p.Ignore {
			if v, err := w.scheme().Parse(text); err == nil {
				w.ignored[v.String()] = true
			}
		}
		all = append(all, w)
	}
	return all, nil
}

func (c *Config) source(p Project) forge.Source {
	s := forge.Source{Tags: p.Tags, Package: p.Package}
	switch {
	case p.GitHub != "":
		s.Kind, s.URL = forge.GitHub, p.GitHub
		if !strings.Contains(s.URL, "://") {
			s.URL = "https://github.com/" + s.URL
		}
	case p.GitLab != "":
		s.Kind, s.URL = forge.GitLab, p.GitLab
	case p.Gitea != "":
		s.Kind, s.URL = forge.Gitea, p.Gitea
	case p.Apt != "":
		s.Kind, s.URL = forge.Apt, p.Apt
	default:
		s.Kind, s.URL = forge.Feed, p.Feed
	}
	u, err := url.Parse(s.URL)
	if err != nil || s.Kind == forge.Feed || s.Kind == forge.Apt {
		return s
	}
	s.URL = strings.TrimSuffix(strings.TrimSuffix(s.URL, "/"), ".git")
	f := c.forge(u.Host)
	s.Token = f.secret()
	s.API = f.By == "api" || f.By == "" && !s.Token.IsZero()
	usual := u.Scheme + "://" + u.Host
	switch s.Kind {
	case forge.GitLab:
		usual += "/api/v4"
	case forge.Gitea:
		usual += "/api/v1"
	default:
		usual += "/api/v3"
		if u.Host == "github.com" {
			usual = "https://api.github.com"
		}
	}
	s.APIBase = strings.TrimSuffix(cmp.Or(f.API, usual), "/")
	return s
}

// A Contact is one host that is asked, and why.
type Contact struct {
	Host     string
	Projects []string
	Token    bool // it gets a token
}

// Contacts lists all hosts that a configuration asks, in the order of the
// file. There is no other.
func (c *Config) Contacts() []Contact {
	all, err := c.prepare()
	if err != nil {
		return nil
	}
	var contacts []Contact
	at := map[string]int{}
	for _, w := range all {
		i, ok := at[w.host]
		if !ok {
			i = len(contacts)
			at[w.host] = i
			contacts = append(contacts, Contact{Host: w.host})
		}
		contacts[i].Projects = append(contacts[i].Projects, w.Name)
		contacts[i].Token = contacts[i].Token || w.source.API && !w.source.Token.IsZero()
	}
	return contacts
}
