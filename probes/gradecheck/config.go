package gradecheck

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/probes/grade"
)

// DefaultEvery is how often a site is graded: a grade moves when somebody
// changes the site, and costs it three requests.
const DefaultEvery = 10 * time.Minute

// Config is the key header_grade of an entry: a grade alone, the word told, or
// a mapping.
type Config struct {
	// Promised is the grade that the site must have at least, as B; left out,
	// grades are told and nobody is alerted.
	Promised string `yaml:"promised,omitempty"`
	// Algorithm is the version of the Observatory's rules, 5 or 6: grades move
	// with it.
	Algorithm int `yaml:"algorithm,omitempty"`
	// HTTPURL is where the way from http:// begins, if not at port 80 of the
	// same host.
	HTTPURL string `yaml:"http_url,omitempty"`
	// Preloaded says that browsers know from their own list that the host is
	// asked over https alone; the list is not looked at.
	Preloaded bool `yaml:"preloaded,omitempty"`
	// Every is how often the site is graded.
	Every model.Duration `yaml:"every,omitempty"`
}

// Shape lets a grade be written alone, or the word told.
func (c *Config) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		if scalar != "told" {
			c.Promised = scalar
		}
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.MappingNode:
		type plain Config
		return (*plain)(c), nil
	}
	return nil, errors.New("must be a grade, as B, the word told, or a mapping with promised")
}

// SetDefaults fills what the file left out.
func (c *Config) SetDefaults() {
	if c.Algorithm == 0 {
		c.Algorithm = grade.Newest
	}
	if c.Every == 0 {
		c.Every = model.Duration(DefaultEvery)
	}
}

// Validate adds what is wrong; https tells whether the target is.
func (c *Config) Validate(p problem.List, https bool) {
	if !https {
		p.Addf("is for https:// targets: without TLS there is little to grade; write the target with https://")
	}
	if c.Promised != "" && grade.Rank(c.Promised) < 0 {
		p.Addf("%q is no grade; write one of %s, or told to promise none", shorten(c.Promised), strings.Join(grade.Grades(), ", "))
	}
	if c.Algorithm < grade.Oldest || c.Algorithm > grade.Newest {
		p.At("algorithm").Addf("%d is no version that is known here; write %d or %d", c.Algorithm, grade.Oldest, grade.Newest)
	}
	if u, err := url.Parse(c.HTTPURL); c.HTTPURL != "" && (err != nil || u.Scheme != "http" || u.Hostname() == "" || u.User != nil) {
		p.At("http_url").Addf("is no http:// URL; write one as http://portail.ville.example:8080/, or leave it out for port 80")
	}
	if every := time.Duration(c.Every); every < time.Minute || every > 24*time.Hour {
		p.At("every").Addf("%s is not between 1m and 1d; usual is %s", c.Every, model.Duration(DefaultEvery))
	}
}

func shorten(text string) string { return text[:min(len(text), 16)] }
