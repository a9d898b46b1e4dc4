package bricks

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// Shape lets a query be its text alone.
func (q *SQL) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		q.Text = scalar
		return nil, nil
	case yaml.MappingNode:
		type plain SQL
		return (*plain)(q), nil
	}
	return nil, errors.New("must be a SELECT, or a mapping with sql")
}

// Shape lets an answer be its body alone.
func (a *Answer) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		a.Body = scalar
		return nil, nil
	case yaml.MappingNode:
		type plain Answer
		return (*plain)(a), nil
	}
	return nil, errors.New("must be the answer's text, or a mapping with status, headers, body or file")
}
