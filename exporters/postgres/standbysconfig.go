package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

// Standbys are those that a primary shall have: their names, or how many.
type Standbys struct {
	// Given tells that the site says something about it: else those that have
	// been seen are expected.
	Given bool `yaml:"-"`
	// Names are application names, slots or addresses. They are nil where
	// there is only a number.
	Names []string `yaml:"-"`
	Count int      `yaml:"-"`

	wrong string // told by Validate
}

// UnmarshalYAML reads a number, or a list of names.
func (s *Standbys) UnmarshalYAML(n *yaml.Node) error {
	*s = Standbys{Given: true}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	var err error
	switch {
	case n.Kind == yaml.ScalarNode:
		s.Count, err = strconv.Atoi(n.Value)
		if err != nil || s.Count < 0 {
			s.wrong = fmt.Sprintf("%q is no number of standbys; write 2, or their names as [replica1, replica2]", n.Value)
		}
		return nil
	case n.Kind != yaml.SequenceNode:
		s.wrong = "is neither a number nor a list; write 2, or their names as [replica1, replica2]"
		return nil
	}
	s.Names = []string{}
	for _, item := range n.Content {
		switch name := strings.TrimSpace(item.Value); {
		case item.Kind != yaml.ScalarNode || name == "":
			s.wrong = "has an entry that is no name; write application_name, slot or address of each standby"
		case slices.Contains(s.Names, name):
			s.wrong = fmt.Sprintf("names %s twice; take one out", name)
		default:
			s.Names = append(s.Names, name)
		}
	}
	return nil
}

// MarshalYAML writes what was read.
func (s Standbys) MarshalYAML() (any, error) {
	switch {
	case !s.Given:
		return nil, nil
	case s.Names != nil:
		return s.Names, nil
	}
	return s.Count, nil
}

func (s Standbys) validate(p problem.List) {
	if s.wrong != "" {
		p.Addf("%s", s.wrong)
	}
}
