package bricks

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// schemes are those in which an adapter's server can be addressed.
func schemes(adapter string) []string {
	switch adapter {
	case Redis:
		return []string{"redis", "rediss", "unix"}
	case Postgres:
		return []string{"postgres", "postgresql"}
	case UWSGI:
		return []string{"unix", "tcp", "http"}
	default:
		return []string{"http", "https"}
	}
}

// example is an address for each adapter, for messages.
func example(adapter string) string {
	switch adapter {
	case Redis:
		return "redis://127.0.0.1:6379"
	case Postgres:
		return "postgres:///wcs_demarches?host=/run/postgresql"
	case UWSGI:
		return "unix:///run/wcs/stats.sock"
	default:
		return "https://pad.ville.example"
	}
}

// Address returns where a request is made: the one that the site gives it, or
// else the kind's path at the brick's own URL. It is empty where the request
// was left out, or cannot be made at the brick's URL.
func (b Brick) Address(k Kind, name string) string {
	r, access := k.Requests[name], b.Requests[name]
	switch {
	case access.Off:
		return ""
	case access.URL != "":
		return access.URL
	case !slices.Contains(schemes(r.Adapter), scheme(b.URL)), r.Adapter == UWSGI && scheme(b.URL) == "http":
		return ""
	case r.HTTP() && r.Path != "":
		return strings.TrimSuffix(b.URL, "/") + r.Path
	}
	return b.URL
}

func scheme(address string) string {
	s, _, _ := strings.Cut(address, ":")
	return strings.ToLower(s)
}

// passwordInQuery finds a password among an address' parameters.
var passwordInQuery = lazy.Regexp(`(?i)[?&](ssl)?password=`)

// Validate adds what is wrong with a brick of kind k. URLs have been looked at
// only as far as they are this brick's.
func (b Brick) Validate(p problem.List, k Kind) {
	for _, name := range slices.Sorted(maps.Keys(b.Requests)) {
		at, access := p.At("requests").At(name), b.Requests[name]
		r, ok := k.Requests[name]
		if !ok {
			hint := "it has " + strings.Join(k.RequestNames(), ", ")
			if near := strict.Nearest(name, k.RequestNames()); near != "" {
				hint = "did you mean " + near + "?"
			}
			at.Addf("the kind %s has no such request; %s", k.Name, hint)
			continue
		}
		if access.URL != "" {
			validateAddress(at.At("url"), access.URL, r)
		}
		if access.Username != "" && access.Password.IsZero() && r.Adapter != Postgres {
			at.At("username").Addf("has no password; write password_file too")
		}
		if !access.Token.IsZero() && r.Auth != "bearer" {
			at.At("token").Addf("is not used by this request; take it away")
		}
		if r.HTTP() && r.Auth != "basic" && !access.Password.IsZero() {
			at.At("password").Addf("is not used by this request; take it away")
		}
	}
	for _, name := range k.RequestNames() {
		r := k.Requests[name]
		if b.Address(k, name) == "" && !r.Optional && !b.Requests[name].Off {
			as := example(r.Adapter)
			if slices.Contains(schemes(r.Adapter), scheme(k.Example)) {
				as = k.Example
			}
			p.At("url").Addf("the kind %s is asked at an address as %s; write that as url, or as requests.%s.url", k.Name, as, name)
		}
	}
}

func validateAddress(p problem.List, address string, r Request) {
	u, err := url.Parse(address)
	switch {
	case err != nil, !slices.Contains(schemes(r.Adapter), scheme(address)):
		p.Addf("is no address for %s; write one as %s", r.Adapter, example(r.Adapter))
	case u.User != nil && r.Adapter != Postgres, passwordInQuery().MatchString(address):
		p.Addf("has a user or a password in it; write them as username and password_file")
	case u.User != nil:
		if _, has := u.User.Password(); has {
			p.Addf("has a password in it; take it out and write it into a file, named by password_file")
		}
	}
}

// Unmeasured lists the requests that cannot be made of this brick, because the
// site gives them no address: what they would show is not watched.
func (b Brick) Unmeasured(k Kind) []string {
	var names []string
	for _, name := range k.RequestNames() {
		if b.Address(k, name) == "" && !b.Requests[name].Off {
			names = append(names, name)
		}
	}
	return names
}
