package status

import "time"

// A Status is all that the page shows. Texts may come from anywhere, hostile
// hosts included: they are escaped, shortened and freed of control characters
// here. They must not carry secrets.
type Status struct {
	// Language is fr or en, which is also what anything else means.
	Language string
	Site     string // the site's name
	Host     string // the name of the machine that this instance runs on
	Version  string
	// Now is when the Status was made; times are shown in its location.
	Now     time.Time
	Started time.Time // when this process started

	// Starting says in words what the instance still waits for before it
	// knows how things stand; empty once it does.
	Starting string

	Alerts       []Alert
	Targets      []Target
	Certificates []Certificate
	// Gaps are what should be watched and is not, beyond the targets' own
	// failing collectors, which the page adds by itself.
	Gaps          []Gap
	Configuration Configuration
	Engine        *Engine // nil: the engine is off, others judge
	Messages      []Message
}

// An Alert is one alert that fires.
type Alert struct {
	Name     string
	Severity string // critical, warning or info
	Summary  string // one line: what, where, how bad
	// Description tells what it means and the first thing to look at.
	Description string
	Detail      string // what the target itself says is wrong
	Labels      map[string]string
	Since       time.Time
	// NoDataSince is set while the alert is held only because its target
	// delivers no data.
	NoDataSince time.Time
	Silence     *Silence // nil: it is not silenced
	Link        string   // http or https; anything else is left out
}

// A Silence tells who silenced an alert, why and until when.
type Silence struct {
	By, Reason string
	Until      time.Time
}

// A State is how a target stands.
type State int

// How a target can stand. The zero value claims nothing.
const (
	Unknown State = iota // it was not asked yet
	Good                 // all of it was measured, nothing is wrong
	Partial              // some of it could not be measured
	Trouble              // it was measured, and something is wrong with it
	Down                 // it could not be measured at all
)

// A Target is one thing measured.
type Target struct {
	Job, Instance string
	State         State
	// Detail says in words what is wrong.
	Detail      string
	Since       time.Time // since when it stands badly; may be zero
	LastSuccess time.Time // zero: never
	Failures    []Failure
}

// A Failure is one collector of a target that fails.
type Failure struct {
	Collector string
	Reason    string // of the closed list of reasons
	Error     string // in words
	Since     time.Time
}

// A Certificate is one that a target presented.
type Certificate struct {
	Name     string // what it was presented for: https://www.ville.example
	NotAfter time.Time
	Problem  string // why it is not valid today, in words; empty: it is
}

// A Gap is something that should be watched and is not.
type Gap struct {
	What   string // postgres main, the list of targets of db2, a feed
	Detail string // why, in words
	Since  time.Time
}

// Configuration tells which configuration is in force.
type Configuration struct {
	File     string // empty: none, this machine alone is watched
	LoadedAt time.Time
	// Refused is why a newer configuration was not taken, in words; empty: the
	// newest is in force.
	Refused   string
	RefusedAt time.Time
}

// Engine tells how the embedded engine stands.
type Engine struct {
	Series         int
	Rules          int
	LastEvaluation time.Time
	Oldest         time.Time // of the samples on disk
	DiskBytes      int64
	DiskLimitBytes int64
	Trouble        string // what is wrong with the engine, in words; empty: nothing
}

// A Message is what was said, or should have been.
type Message struct {
	At    time.Time
	Voice string // mattermost, console
	Text  string
	Error string // why it was not delivered; empty: it was
}
