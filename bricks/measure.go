package bricks

import "github.com/prometheus/common/model"

// The adapters, which turn a protocol into one JSON document.
const (
	HTTPJSON       = "http_json"
	HTTPText       = "http_text"
	HTTPPrometheus = "http_prometheus"
	NginxStatus    = "nginx_status"
	Redis          = "redis"
	Postgres       = "postgres"
	UWSGI          = "uwsgi"
)

// Adapters lists all adapters.
func Adapters() []string {
	return []string{HTTPJSON, HTTPText, HTTPPrometheus, NginxStatus, Redis, Postgres, UWSGI}
}

// A Request is one question to the service.
type Request struct {
	// Adapter is the protocol it is asked in; http_json if left out.
	Adapter string `yaml:"adapter"`
	// Path is put behind the brick's URL, for the adapters of HTTP.
	Path string `yaml:"path"`
	// Interval is how often it is asked, on a clock of its own; if left out,
	// whenever the brick's page is.
	Interval model.Duration `yaml:"interval"`
	// Timeout is how long the answer may take, at most what is left of the
	// scrape's.
	Timeout model.Duration `yaml:"timeout"`
	// Optional tells that the service may be without it: then what is made of
	// its answer is absent by right.
	Optional bool `yaml:"optional"`
	// Auth is how credentials are shown: none, basic or bearer. Other
	// adapters have their protocol's own way.
	Auth string `yaml:"auth"`
	// AcceptStatus lists the codes whose answer is read; 200 if left out.
	AcceptStatus []int `yaml:"accept_status"`
	// ContentType must begin the answer's own, where it is set.
	ContentType string `yaml:"content_type"`
	// FollowRedirects lets the answer come from where the service sends us; no
	// credentials are sent there.
	FollowRedirects bool `yaml:"follow_redirects"`
	// Queries are the SQL of the adapter postgres, by name; each gives a list of
	// rows, whose keys are the names of its columns.
	Queries map[string]SQL `yaml:"queries"`
	// Pass lists the names, or patterns with * of them, of the metrics that the
	// adapter http_prometheus passes on as they are; Drop takes some out again.
	Pass []string `yaml:"pass"`
	Drop []string `yaml:"drop"`
}

// A SQL is one query of the adapter postgres: its text, or a mapping.
type SQL struct {
	// Text is one statement, which only reads.
	Text string `yaml:"sql"`
	// Needs is a table or view; where it does not exist, the query is not made
	// and its result is null: absent by right.
	Needs string `yaml:"needs"`
}

// A Health says whether the service is well.
type Health struct {
	// JQ gives true or false from the answers.
	JQ string `yaml:"jq"`
	// Words is jq that says in words what is wrong, when JQ is false.
	Words string `yaml:"words"`
}

// A Metric is one family of numbers.
type Metric struct {
	// Name is the family's, Help its one sentence.
	Name string `yaml:"name"`
	Help string `yaml:"help"`
	// Type is gauge or counter.
	Type string `yaml:"type"`
	// Rows is jq that emits objects; Value and Labels are then evaluated on each.
	Rows string `yaml:"rows"`
	// Value is jq that gives a number, or a text of Enum.
	Value string `yaml:"value"`
	// Labels are labels by jq, ConstLabels by their very value.
	Labels      map[string]string `yaml:"labels"`
	ConstLabels map[string]string `yaml:"const_labels"`
	// Scale multiplies the value: 0.001 for milliseconds.
	Scale float64 `yaml:"scale"`
	// Enum makes numbers of texts. A text that it does not have is missing, or
	// what _other says.
	Enum Enum `yaml:"enum"`
	// DropIf is jq on the value; a value for which it is true means "not known".
	DropIf string `yaml:"drop_if"`
	// Min and Max bound the value; outside, it is broken. Without Min, a counter
	// must not be negative.
	Min *float64 `yaml:"min"`
	Max *float64 `yaml:"max"`
	// Optional tells that the value may be absent by right.
	Optional bool `yaml:"optional"`
	// MaxRows bounds the rows; 500 if left out, 10000 at most.
	MaxRows int `yaml:"max_rows"`
}

// An Enum makes numbers of texts. The key _other is for all other texts; its
// value may be the word missing, which is the default.
type Enum map[string]string

// A Test is one recorded state of the service, and what must be made of it.
type Test struct {
	// Name says what state it is.
	Name string `yaml:"name"`
	// Answers are what was recorded, by request.
	Answers map[string]Answer `yaml:"answers"`
	// Up is what health must find: true, false, or null where it cannot be
	// judged.
	Up *bool `yaml:"up"`
	// Reason is why it is down.
	Reason string `yaml:"reason"`
	// Words must be among those that say what is wrong.
	Words string `yaml:"words"`
	// Version is the one that must be found.
	Version string `yaml:"version"`
	// Page is what must be on the page, in the text format without comments, of
	// the kind's own metrics and of brick_metric_missing; nothing else may be.
	Page string `yaml:"page"`
}

// An Answer is one recorded answer. A text stands for a body with status 200.
type Answer struct {
	// Status is the code of HTTP; 200 if left out.
	Status int `yaml:"status"`
	// Headers are those of HTTP.
	Headers map[string]string `yaml:"headers"`
	// Body is the answer; File is the file, beside the kind's, that has it.
	Body string `yaml:"body"`
	File string `yaml:"file"`
	// Failure says that no answer came, and why: unreachable, refused...
	Failure string `yaml:"failure"`
}
