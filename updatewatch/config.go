package updatewatch

import (
	"errors"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/secret"
)

// Config is the section updates of the site file.
type Config struct {
	// Channel is the Mattermost channel that updates are told in: team/channel.
	// Left out, it is that of alerts. It needs a bot.
	Channel string `yaml:"channel"`
	// Interval is how often each source is asked; unchanged ones cost nearly
	// nothing.
	Interval model.Duration `yaml:"interval"`
	// Remind is after how long what still waits is told again, in one message.
	Remind model.Duration `yaml:"remind"`
	// Forges are hosts that may be asked for the releases of bricks, and how
	// they are to be asked. Those of projects need stand here only where the
	// usual way is not enough.
	Forges []Forge `yaml:"forges"`
	// Bricks is whether the releases of bricks are followed, where their kind
	// says where they are and that host stands under forges. A project of a
	// brick's own wins.
	Bricks *bool `yaml:"bricks"`
	// Projects are what is followed besides.
	Projects []Project `yaml:"projects"`
}

// Forge is how one host is asked.
type Forge struct {
	// Host is its name as it stands in addresses, as github.com.
	Host string `yaml:"host"`
	// Token is what opens the host's programming interface. It is sent to this
	// host only, and never with feeds.
	Token     secret.Text `yaml:"token"`
	TokenFile string      `yaml:"token_file"`
	// API is the address of that interface, where it is not the usual one.
	API string `yaml:"api"`
	// By is how releases are asked: feed, or api. With a token it is api if
	// left out, else feed.
	By string `yaml:"by"`
}

// Project is one thing that is followed.
type Project struct {
	// Name is what it is called in messages and metrics.
	Name string `yaml:"name"`

	// GitHub is a repository at github.com, as ether/etherpad-lite, or the
	// address of one on a server of the same make.
	GitHub string `yaml:"github"`
	// GitLab is the address of a repository on a server of this make.
	GitLab string `yaml:"gitlab"`
	// Gitea is the address of a repository on a server of this make, or Forgejo's.
	Gitea string `yaml:"gitea"`
	// Feed is the address of an RSS, Atom or JSON feed.
	Feed string `yaml:"feed"`
	// Apt is the address of a Debian repository's Packages file, plain or .gz.
	Apt string `yaml:"apt"`
	// Package is the package in it.
	Package string `yaml:"package"`

	// Tags is for projects that publish no releases: their tags are read.
	Tags bool `yaml:"tags"`
	// Tag is a regular expression (RE2) for the whole tag of a release, or for
	// the title in a feed; its groups, joined by dots, are the version.
	Tag string `yaml:"tag"`
	// Scheme is how versions are ordered: loose, or deb for Debian's packages.
	Scheme string `yaml:"scheme"`
	// Line is how many leading numbers make a release line that gets its own
	// releases: 1 for PostgreSQL 15, 2 for Traefik 3.6.
	Line int `yaml:"line"`
	// Prereleases is whether alphas, betas and candidates are followed too.
	Prereleases bool `yaml:"prereleases"`
	// Ignore is a list of versions that shall not be told of.
	Ignore []string `yaml:"ignore"`

	// Deployed is the version that runs here, where nothing else tells it.
	Deployed string `yaml:"deployed"`
	// DeployedFrom is who tells it: brick/NAME, postgres/NAME or rabbitmq/NAME
	// of this file, or package/NAME for a Debian package on this machine; a list
	// where there are several of them.
	DeployedFrom References `yaml:"deployed_from"`
	// Interval is how often this source is asked; that of the section if left
	// out.
	Interval model.Duration `yaml:"interval"`
}

// References are those who tell what is deployed; one may be written without
// brackets.
type References []string

// Shape lets one reference be written without brackets.
func (r *References) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		*r = References{scalar}
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.SequenceNode:
		return (*[]string)(r), nil
	}
	return nil, errors.New("must be a reference or a list of them, as brick/pad or [brick/pad, brick/notes]")
}

// What is in effect where the site file does not say.
const (
	DefaultInterval = time.Hour
	DefaultRemind   = 7 * 24 * time.Hour
)

// IsZero tells whether there is nothing to follow.
func (c *Config) IsZero() bool { return len(c.Projects) == 0 }

// Untouched tells whether the site file says nothing of releases.
func (c *Config) Untouched() bool {
	return len(c.Projects) == 0 && len(c.Forges) == 0 && c.Channel == "" && (c.Bricks == nil || *c.Bricks)
}

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	fill(&c.Interval, model.Duration(DefaultInterval))
	fill(&c.Remind, model.Duration(DefaultRemind))
	if c.Bricks == nil {
		c.Bricks = new(true)
	}
	for i := range c.Projects {
		p := &c.Projects[i]
		fill(&p.Interval, c.Interval)
		fill(&p.Line, 1)
		if p.Apt != "" {
			fill(&p.Scheme, "deb")
			fill(&p.Package, p.Name)
		}
		fill(&p.Scheme, "loose")
	}
}

func fill[T comparable](v *T, with T) {
	var zero T
	if *v == zero {
		*v = with
	}
}

// forge returns what is said of a host.
func (c *Config) forge(host string) Forge {
	for _, f := range c.Forges {
		if f.Host == host {
			return f
		}
	}
	return Forge{}
}

func (f Forge) secret() secret.Source { return secret.Source{Value: f.Token, File: f.TokenFile} }
