package queryapi

import (
	"compress/gzip"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
)

// The defaults of Options. Grafana asks for at most 40,000 series, labels or
// values, so MaxSeries is above that.
const (
	DefaultTimeout       = 30 * time.Second
	DefaultMaxSeries     = 50_000
	DefaultMaxConcurrent = 20
	DefaultMaxBody       = 1 << 20
)

// EngineVersion is the version of Prometheus whose engine is embedded and whose
// API is served. Grafana decides by it what it may ask for.
const EngineVersion = "3.15.0"

// RulesRetriever tells the rules as they stand; a *rules.Manager is one.
type RulesRetriever interface {
	RuleGroups() []*rules.Group
	AlertingRules() []*rules.AlertingRule
}

// BuildInfo is the answer of status/buildinfo. Version is what Grafana reads
// Prometheus' abilities from, so it defaults to EngineVersion; the program's
// own version belongs in Revision.
type BuildInfo struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	Branch    string `json:"branch"`
	BuildUser string `json:"buildUser"`
	BuildDate string `json:"buildDate"`
	GoVersion string `json:"goVersion"`
}

// Options says what the API is served over and within which bounds. Engine and
// Queryable must be set; all else has a default.
type Options struct {
	Engine    promql.QueryEngine
	Queryable storage.Queryable
	// Rules and Targets are asked at each request, so that a reload may change
	// what they return. Nil, or a nil RulesRetriever, means none.
	Rules   func() RulesRetriever
	Targets func() map[string][]*scrape.Target // scrape.Manager.TargetsActive

	Parser    parser.Parser // should be the engine's own
	BuildInfo BuildInfo
	Now       func() time.Time
	Logger    *slog.Logger

	// Timeout bounds every request, waiting for a place included; the
	// parameter timeout can only shorten it.
	Timeout time.Duration
	// MaxSeries bounds the series, names or values of one answer. More is an
	// error, not a silent cut; a client that wants a cut sends limit.
	MaxSeries int
	// MaxConcurrent bounds the requests that read the storage at one time;
	// others wait.
	MaxConcurrent int
	MaxBody       int64 // bytes of a request's body
}

// New returns the handler of everything under /api/v1/.
func New(o Options) http.Handler {
	if o.Rules == nil {
		o.Rules = func() RulesRetriever { return nil }
	}
	if o.Targets == nil {
		o.Targets = func() map[string][]*scrape.Target { return nil }
	}
	if o.Parser == nil {
		o.Parser = parser.NewParser(parser.Options{})
	}
	if o.BuildInfo.Version == "" {
		o.BuildInfo.Version = EngineVersion
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxSeries == 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	a := &api{Options: o, slots: make(chan struct{}, o.MaxConcurrent)}
	a.zips = &sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
		return z
	}}
	a.routes = a.table()
	return a
}
