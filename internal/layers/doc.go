// Package layers has no code, only tests: they hold the shape of the house,
// and each failure says in words why the house is built so. Imports go down
// only, the rooms never import one another, Prometheus' inner packages stay in
// one place, the product runs no programs, files stay small.
//
// The linter (depguard in .golangci.yml) says the same about imports while one
// types; these tests need no linter and see what it does not.
package layers
