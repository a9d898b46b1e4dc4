package bricks

import (
	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
)

// A Brick is one service of a site.
type Brick struct {
	// Name is what it is called over the site: pad.
	Name string
	// Kind is the name of its kind.
	Kind string
	// URL is where its users find it.
	URL string
	// On is the host that it runs on; empty if not told.
	On string
	// Needs are what it cannot work without: postgres/main.
	Needs []string
	// Labels are put on everything that is measured of it.
	Labels map[string]string
	// CAFile has the authorities that its certificate comes from; the system's
	// if empty.
	CAFile string
	// Requests are what the site says about single requests, by their names.
	Requests map[string]Access
}

// An Access is what a site says about one request of a brick.
type Access struct {
	// URL replaces the address that the kind makes of the brick's URL.
	URL string
	// Username and Password go with it, Token instead of them.
	Username string
	Password secret.Source
	Token    secret.Source
	// Interval replaces the kind's.
	Interval model.Duration
	// Off leaves the request out; what is made of its answer is absent.
	Off bool
}
