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

	// Starting tells that the first measurements are being made: the instance
	// does not know yet how things stand.
	Starting bool

	Alerts       []Alert
	Targets      []Target
	Bricks       []Brick
	Certificates []Certificate
	// Within Soon of its end a certificate is marked, within Last it is marked
	// as grave: on the days on which the rules alert.
	Soon, Last time.Duration
	Updates    []Update
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
	Page        string   // the path of its target's own page, from this one; empty: none
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
	Faulty               // it does what it is for, and not all about it is as it should be
)

// A Target is one thing measured.
type Target struct {
	Job, Instance string
	Name          string // what the site calls it; empty: nothing but instance
	State         State
	// Reason is why a probe failed, of the closed list; empty for all else.
	Reason string
	// Detail says in words what is wrong.
	Detail      string
	Since       time.Time // since when it stands badly; may be zero
	LastSuccess time.Time // zero: never
	Failures    []Failure
	// From is the instance that measures it, where it is not this one.
	From string
	// Page is the path of a page of its own, from this one; empty: none.
	Page string
}

// A Failure is one collector of a target that fails.
type Failure struct {
	Collector string
	Reason    string // of the closed list of reasons
	Error     string // in words
	Since     time.Time
}

// A Brick is how a service of the site stands.
type Brick struct {
	// Job and Instance are those of its target, which is then not listed again
	// among the targets.
	Job, Instance string
	Name, Kind    string
	Host          string // where it runs; empty: not known
	// State is Trouble for a service that is down, Down where it could not be
	// measured.
	State   State
	Reason  string // why it is down, of the closed list of reasons of bricks
	Detail  string // the same, or why it was not measured, in words
	Since   time.Time
	Version string // as it runs; empty: not known
	// Failed are the requests that were not answered, Missing the metrics that
	// could not be had.
	Failed  []Part
	Missing []Part
}

// A Part is what could not be had of a brick.
type Part struct {
	Name   string
	Reason string // of the closed list of its kind
	Detail string // in words
}

// A Certificate is one that a target presented.
type Certificate struct {
	Name        string    // what it was presented for: https://www.ville.example
	Fingerprint string    // those with the same are one row; empty: not known
	NotAfter    time.Time // when it, or the chain that it needs, ends
	Reason      string    // why it does not hold today, of the closed list; empty: it does
	Problem     string    // the same in words
	Accepted    bool      // the site has its probe accept it nevertheless
	From        string    // the instance that saw it, where it is not this one
}

// An Update is how a project of upstream stands against what runs here.
type Update struct {
	Project string
	Host    string // where that is followed; empty: here
	// Deployed is what runs; NewestInLine and Newest what is released. Empty:
	// not known.
	Deployed, NewestInLine, Newest string
	Behind                         int       // how many releases of the line are newer
	BehindSince                    time.Time // when the first of them came out
	NewLine                        bool      // a line above has releases
	Security                       bool      // one of the newer ones speaks of security
	Advisories                     []string  // what they name
	Link                           string    // the page of the newest release
	Asked                          time.Time // when upstream was last asked; zero: never
	Read                           time.Time // when that last succeeded; zero: never
	Reason                         string    // why it failed, of the closed list; empty: it did not
	Detail                         string    // the same in words
}

// A Gap is something that should be watched and is not.
type Gap struct {
	What   string // postgres main, the list of targets of db2, a feed
	Detail string // why, in words
	Since  time.Time
	// Aside: nobody asked for it, and the machine is not set up for it. It is
	// told, and all is well nevertheless.
	Aside bool
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
