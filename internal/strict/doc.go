// Package strict reads a YAML file into Go values and forgives nothing: an
// unknown key, a key written twice, a value of the wrong type, a second
// document are faults, each with its line and with what to write instead, and
// all of them are told at once. It also remembers where each key stands, so
// that later checks can point at it.
//
// It is not a general YAML decoder: it knows the shapes that a configuration
// has (structs, maps with text keys, slices, pointers, text, numbers, truth
// values, encoding.TextUnmarshaler, and Union), and no tags, no untyped values.
// A type with UnmarshalYAML is left to read its own part.
//
// No fault repeats a value that might be a secret: values are quoted only
// where a number, a truth value or a duration was expected, and only if short.
package strict
