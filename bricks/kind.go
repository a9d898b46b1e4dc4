package bricks

import (
	"github.com/prometheus/common/model"
)

// A Kind is one type of service, as its YAML file describes it. It must not be
// changed once read.
type Kind struct {
	// Name is the kind's, as the site file writes it: etherpad.
	Name string `yaml:"kind"`
	// Title is its name for people: Etherpad.
	Title string `yaml:"title"`
	// About says in one sentence what is watched of it.
	About string `yaml:"about"`
	// Example is an address of such a service, for pages and messages.
	Example string `yaml:"example"`
	// Defaults are written where a brick of this kind leaves a key out.
	Defaults Defaults `yaml:"defaults"`
	// Probe is how the service's own URL is looked at from outside, as a user
	// would; nil where no user goes there.
	Probe *Probe `yaml:"probe"`
	// Requests are what it is asked, by name.
	Requests map[string]Request `yaml:"requests"`
	// Health judges the answers.
	Health Health `yaml:"health"`
	// Version finds the running version in the answers.
	Version Version `yaml:"version"`
	// Start finds the moment in which the service started.
	Start Start `yaml:"start"`
	// Metrics are the numbers taken out of the answers.
	Metrics []Metric `yaml:"metrics"`
	// Compat is the exporter whose names the metrics have, with its version:
	// redis_exporter@1.45.
	Compat string `yaml:"compat"`
	// Releases says where upstream announces its releases.
	Releases Releases `yaml:"releases"`
	// Alerts are the rules about this kind alone, beside those that every brick
	// has.
	Alerts []Alert `yaml:"alerts"`
	// Panels are drawn below the rows that every brick has.
	Panels []Panel `yaml:"panels"`
	// Tests are recorded answers, and what must be made of them.
	Tests []Test `yaml:"tests"`

	// Source is the file that the kind comes from.
	Source string `yaml:"-"`
	// Own tells that a site wrote it; it did not ship.
	Own bool `yaml:"-"`
}

// Defaults are what bricks of a kind have unless the site file says otherwise.
type Defaults struct {
	// Debian is the package whose installed version is the deployed one.
	Debian string `yaml:"debian"`
}

// A Probe is how a brick's URL is looked at from outside.
type Probe struct {
	// Path is put behind the brick's URL; empty for the URL as it is.
	Path string `yaml:"path"`
	// Status lists the codes that are right, as 200 or 2xx; any 2xx after
	// redirects if left out.
	Status []string `yaml:"status"`
}

// A Releases says where upstream announces releases. At most one of GitHub,
// GitLab, Gitea, Feed and Packages is set; none means that the kind is not
// followed unless the site file says how.
type Releases struct {
	// GitHub is a repository there: ether/etherpad-lite.
	GitHub string `yaml:"github"`
	// GitLab is a project's URL, on gitlab.com or elsewhere.
	GitLab string `yaml:"gitlab"`
	// Gitea is a repository's URL on a Gitea or Forgejo.
	Gitea string `yaml:"gitea"`
	// Feed is the URL of an RSS, Atom or JSON feed.
	Feed string `yaml:"feed"`
	// Packages is the URL of a Debian index, Packages or Packages.gz; Package is
	// the name in it.
	Packages string `yaml:"packages"`
	Package  string `yaml:"package"`
	// Tags is for repositories that publish no releases: their tags are read.
	Tags bool `yaml:"tags"`
	// Tag is a regular expression whose groups, joined by dots, are the version
	// in a tag, a title or a version; what does not match is no release.
	Tag string `yaml:"tag"`
	// Scheme is how versions are ordered: loose (the default), or deb.
	Scheme string `yaml:"scheme"`
	// Line is how many leading numbers of a version make its release line: 2 for
	// 11.8; 1, the same major version, if left out.
	Line int `yaml:"line"`
	// Prereleases tells that versions such as 2.0-rc1 are wanted too.
	Prereleases bool `yaml:"prereleases"`
	// EndOfLife is the product's name at endoflife.date, for people.
	EndOfLife string `yaml:"end_of_life"`
}

// IsZero tells that the kind does not say where its releases are.
func (r Releases) IsZero() bool {
	return r.GitHub == "" && r.GitLab == "" && r.Gitea == "" && r.Feed == "" && r.Packages == ""
}

// A Version finds the version that runs.
type Version struct {
	// JQ gives the version as text from the answers; null means that the service
	// does not tell.
	JQ string `yaml:"jq"`
}

// A Start finds when the service started, for the rule about restarts.
type Start struct {
	// JQ gives seconds since 1970; null means that the service does not tell.
	JQ string `yaml:"jq"`
}

// An Alert is an alerting rule as the rules of Tocsin are: one number in its
// outermost comparison, job and instance kept, from aggregated away.
type Alert struct {
	// Name is the alert's: EtherpadDatabaseFailing.
	Name string `yaml:"alert"`
	// Expr is the query; For is how long it must hold.
	Expr          string         `yaml:"expr"`
	For           model.Duration `yaml:"for"`
	KeepFiringFor model.Duration `yaml:"keep_firing_for"`
	// Severity is info, warning or critical.
	Severity string `yaml:"severity"`
	// FiresWhen and Do are one line each for the reference: on what it rings,
	// and what to do then.
	FiresWhen string `yaml:"fires_when"`
	Do        string `yaml:"do"`
	// Summary and Description are the texts that people read, in both languages.
	Summary       string `yaml:"summary"`
	Description   string `yaml:"description"`
	SummaryFR     string `yaml:"summary_fr"`
	DescriptionFR string `yaml:"description_fr"`
}

// A Panel is one picture of the brick's dashboard.
type Panel struct {
	// Title and Description are shown with it.
	Title       string `yaml:"title"`
	Description string `yaml:"description"`
	// Type is timeseries (the default), stat or table.
	Type string `yaml:"type"`
	// Unit is one of Grafana's: short, bytes, s, reqps, percentunit...
	Unit string `yaml:"unit"`
	// Queries are drawn together. In their expressions $selector stands for the
	// labels that choose the brick: redis_connected_clients{$selector}.
	Queries []Query `yaml:"queries"`
	// Rule is the alert whose threshold is drawn as a line.
	Rule string `yaml:"rule"`
}

// A Query is one expression of a panel.
type Query struct {
	// Expr is PromQL; Legend names the series, as {{channel}}.
	Expr   string `yaml:"expr"`
	Legend string `yaml:"legend"`
}
