// Package probetest helps to test probes: it makes certificates, good and bad
// in every way, and servers that misbehave at each step. It is for tests only.
package probetest
