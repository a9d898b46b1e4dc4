package engine

import (
	"errors"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/internal/size"
)

// What the engine keeps unless the site says otherwise, and what it can keep.
const (
	defaultRetention = model.Duration(100 * 24 * time.Hour)
	minRetention     = model.Duration(24 * time.Hour)
	maxRetention     = model.Duration(10 * 365 * 24 * time.Hour)
	minSize          = size.Bytes(100_000_000)
)

// Config is the section engine of the site file: the word off, or a mapping.
type Config struct {
	// Off makes this instance a plain exporter: nothing is stored, judged or
	// said here. In the file it is the whole section: engine: off.
	Off bool `yaml:"-"`
	// Retention is how long measurements are kept.
	Retention model.Duration `yaml:"retention,omitempty"`
	// Size is how much room measurements may take on disk; what is oldest goes
	// first. Left out, it is the smaller of 5 GB and a tenth of the file system
	// of data_dir.
	Size size.Bytes `yaml:"size,omitempty"`
}

// Shape lets the section be the word off, or a mapping.
func (c *Config) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch {
	case kind == yaml.ScalarNode && (scalar == "off" || scalar == "on"):
		c.Off = scalar == "off"
		return nil, nil
	case kind == yaml.MappingNode:
		type plain Config
		return (*plain)(c), nil
	}
	return nil, errors.New("must be the word off, or a mapping with retention and size")
}

// MarshalYAML writes the section as Shape reads it.
func (c Config) MarshalYAML() (any, error) {
	if c.Off {
		return "off", nil
	}
	type plain Config
	return plain(c), nil
}

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	if c.Retention == 0 && !c.Off {
		c.Retention = defaultRetention
	}
}

// Validate adds what is wrong with the section.
func (c *Config) Validate(p problem.List) {
	if c.Off {
		return
	}
	if c.Retention < minRetention || c.Retention > maxRetention {
		p.At("retention").Addf("%s is not between 1d and 10y; write how long measurements are kept, as 100d", c.Retention)
	}
	if c.Size != 0 && c.Size < minSize {
		p.At("size").Addf("%s is less than the engine can work in; write at least %s", c.Size, minSize)
	}
}
