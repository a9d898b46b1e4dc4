package strict

import "go.yaml.in/yaml/v3"

// A Union is a type that may be written in several shapes: engine as the word
// off or as a mapping, a host as a name or as a mapping. It is implemented by
// the pointer to the type, and needs no import of this package.
//
// Shape is told what stands in the file: yaml.ScalarNode, yaml.MappingNode or
// yaml.SequenceNode, and the text of a scalar. It returns a pointer to what
// the node is to be decoded into: mostly a part of the receiver, or the
// receiver itself converted to a type without this method. It returns nil
// when the scalar has told everything. An error says which shapes are
// accepted, and MUST NOT repeat the scalar where a secret could stand there:
//
//	func (h *Host) Shape(kind yaml.Kind, scalar string) (any, error) {
//		switch kind {
//		case yaml.ScalarNode:
//			h.Address = scalar
//			return nil, nil
//		case yaml.MappingNode:
//			type plain Host
//			return (*plain)(h), nil
//		}
//		return nil, errors.New("must be a host's name, or a mapping with address")
//	}
//
// An absent or empty value never reaches Shape.
type Union interface {
	Shape(kind yaml.Kind, scalar string) (into any, err error)
}
