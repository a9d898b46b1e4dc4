package probes

import (
	"errors"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/secret"
)

// What a probe has that the site file does not say.
const (
	DefaultInterval      = 30 * time.Second
	DefaultRetryInterval = 5 * time.Second
	DefaultTimeout       = 10 * time.Second
)

// Config is one entry of the list probes of the site file. It may be written
// as a target alone.
type Config struct {
	// Target is the URL to look at; its scheme says how.
	Target string `yaml:"target"`
	// Name is what the probe is called on pages; made of the target if left out.
	Name string `yaml:"name,omitempty"`
	// On is the host that the service runs on.
	On string `yaml:"on,omitempty"`
	// Job and Instance replace the labels that Tocsin would choose, so that a
	// migrated site keeps its old ones.
	Job           string            `yaml:"job,omitempty"`
	InstanceLabel string            `yaml:"instance,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`

	Interval      model.Duration `yaml:"interval,omitempty"`
	RetryInterval model.Duration `yaml:"retry_interval,omitempty"` // after a failure
	Timeout       model.Duration `yaml:"timeout,omitempty"`        // for the whole look, redirects included

	// Method is the HTTP method.
	Method string `yaml:"method,omitempty"`
	// Headers, Username and BearerToken are sent to the target only, never to
	// another host that it redirects to. HeadersFile has, for each header,
	// the file that its value is in.
	Headers         map[string]secret.Text `yaml:"headers,omitempty"`
	HeadersFile     map[string]string      `yaml:"headers_file,omitempty"`
	Username        string                 `yaml:"username,omitempty"`
	Password        secret.Text            `yaml:"password,omitempty"`
	PasswordFile    string                 `yaml:"password_file,omitempty"`
	BearerToken     secret.Text            `yaml:"bearer_token,omitempty"`
	BearerTokenFile string                 `yaml:"bearer_token_file,omitempty"`

	// Status is the statuses that are good: numbers, ranges (200-204) and
	// classes (2xx).
	Status Statuses `yaml:"status,omitempty"`
	// Body is what the answer's content must be.
	Body Body `yaml:"body,omitempty"`
	// FollowRedirects, on unless set to false, looks at where the target
	// redirects to, up to ten times.
	FollowRedirects *bool `yaml:"follow_redirects,omitempty"`

	// CAFile has the authorities to trust in place of the system's.
	CAFile string `yaml:"ca_file,omitempty"`
	// ServerName is the name to ask for and to verify in TLS.
	ServerName string `yaml:"server_name,omitempty"`
	// InsecureSkipVerify takes any certificate for good. What is wrong with
	// it is still measured; the probe no longer fails for it.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify,omitempty"`
	// IPVersion is 4 or 6 to use that family only.
	IPVersion int `yaml:"ip_version,omitempty"`
}

// Body is what the answer's content must be. All that is set must hold.
type Body struct {
	Contains   string `yaml:"contains,omitempty"`
	Matches    string `yaml:"matches,omitempty"`     // regular expression (RE2)
	NotMatches string `yaml:"not_matches,omitempty"` // regular expression (RE2)
	// MaxBytes is how much of the content is read; more is a failure.
	MaxBytes int64 `yaml:"max_bytes,omitempty"`
}

// Shape lets an entry be written as its target alone.
func (c *Config) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		c.Target = scalar
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.MappingNode:
		type plain Config
		return (*plain)(c), nil
	}
	return nil, errors.New("must be a URL, as https://portail.ville.example, or a mapping with target")
}

// Statuses is a list of statuses; one may be written without brackets.
type Statuses []string

// Shape lets one status be written without brackets.
func (s *Statuses) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		*s = Statuses{scalar}
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.SequenceNode:
		return (*[]string)(s), nil
	}
	return nil, errors.New(`must be a status or a list of them, as [200, 204] or ["2xx", 401]`)
}

// SetDefaults fills what the site file left out. Intervals that are set for
// the whole site are to be filled in before.
func (c *Config) SetDefaults() {
	fill(&c.Job, "probe")
	fill(&c.Method, "GET")
	fill(&c.Interval, model.Duration(DefaultInterval))
	fill(&c.RetryInterval, min(c.Interval, model.Duration(DefaultRetryInterval)))
	fill(&c.Timeout, min(c.Interval, model.Duration(DefaultTimeout)))
	if c.Status == nil {
		c.Status = Statuses{"2xx"}
	}
	if c.FollowRedirects == nil {
		c.FollowRedirects = new(true)
	}
}

func fill[T comparable](v *T, with T) {
	var zero T
	if *v == zero {
		*v = with
	}
}

// Instance returns the value of the label instance: what the site file says,
// or else the target without its query, which may hold a token.
func (c *Config) Instance() string {
	if c.InstanceLabel != "" {
		return c.InstanceLabel
	}
	u, err := url.Parse(c.Target)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
