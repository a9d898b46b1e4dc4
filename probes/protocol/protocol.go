package protocol

import (
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/probes/probe"
)

// A Protocol is one way to look at a service.
type Protocol struct {
	// Schemes are what a target of this protocol begins with. The first is
	// the one that messages give as an example.
	Schemes []Scheme
	// Families lists all metrics that its probers can send.
	Families func() []*frame.Family
}

// A Scheme is a beginning of targets, as https, and what may follow it.
type Scheme struct {
	Name    string
	Example string // a whole target, for messages
	Form    Form
	// Port is taken where the target has none. Where both are 0 the target
	// must have one.
	Port uint16
	// TLS tells whether the keys ca_file, server_name and their like mean
	// something; StartTLS whether starttls does; Login whether username does.
	TLS, StartTLS, Login bool
	// Every is not 0 where a look is dear to somebody: it sends a mail, logs
	// in, asks a registry. It is then how often the look is made if the entry
	// does not say; a failed one is repeated after a minute at the soonest.
	Every time.Duration
	// Timeout is how long a look may take if the entry does not say; 0 is what
	// all looks may.
	Timeout time.Duration
	// LoginEvery is Every where somebody logs in: accounts can be locked, and
	// each attempt is written down.
	LoginEvery time.Duration
	// Closed tells whether the target can be one that must not answer from
	// here: expect: closed.
	Closed bool
	// Once tells that ip_version: both has no sense: the look sends a mail, or
	// asks others than the target's host.
	Once bool
}

// Form is what follows a target's scheme.
type Form int

// The forms of targets.
const (
	URL      Form = iota // a host, perhaps with a port, a path and a query
	HostPort             // a host, perhaps with a port, and nothing else
	Host                 // a host alone: the protocol has no ports
	Path                 // the full path of a file, and no host
)

// A Section is the part of an entry that is one protocol's own. Its pointer
// lies in probes.Config; the file's keys are its fields.
type Section interface {
	// SetDefaults fills what the file left out. It is called for targets of
	// this protocol only: in all other entries the section stays empty, and a
	// section that is not is refused.
	SetDefaults()
	// Validate adds all that is wrong to p, which stands where the section's
	// keys do. It touches nothing outside. What the entry shares with other
	// protocols has been looked at before, except where it takes both to judge.
	Validate(p problem.List, e *Entry)
	// Prober builds the prober. It may read files (not those of secrets); its
	// error says which key is wrong.
	Prober(e *Entry) (probe.Prober, error)
	// Told says in words what the server learns by being looked at, for the
	// list of all that leaves the machine: "a connection is made", say.
	Told(e *Entry) string
}

// Dear is implemented by a Section of a cheap scheme whose looks can be made
// dear by its keys: a page is cheap, a journey over ten of them is not.
type Dear interface {
	// Every means what Scheme.Every does, and wins over it; 0 leaves it to the
	// scheme. It is called before SetDefaults.
	Every() time.Duration
}

// Traveller is implemented by a Section whose looks may be asked of another
// instance (from: in the site file). All others are Settled.
type Traveller interface {
	// Travels lists the keys of the section that may be told to another
	// instance, with the values that they have in this one: none that is or may
	// hold a secret, none that names a file, none that names a server to ask
	// (the other instance has judged the target alone), and none that lets who
	// asks do more to a service than look at it. Keys that are not listed stay, and an
	// entry that has them is refused; so a new key stays until it is listed.
	Travels(e *Entry) []string
}

// Settled is implemented by a Section none of whose looks is ever asked of
// another instance.
type Settled interface {
	// Stays says why, in words that go on after "mailtrip:// stays: ".
	Stays() string
}
