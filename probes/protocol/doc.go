// Package protocol is what the room of probes and the package of each protocol
// agree on: which schemes a protocol has, what of a site file's entry it is
// given, and what its own section of an entry must do.
//
// A protocol is one package under probes, one line in probes/all.go and one
// field of probes.Config. The package has a function Protocol, a type Config
// that is its Section, Options, New and a Prober. How it looks is
// probe.Prober's contract, not this package's; what probes share stands beside
// it: probes/dial reaches a server, probes/tlscheck shakes hands and judges
// certificates, probes/stream does both and tells them in the result, and
// probes/dialogue talks line by line.
package protocol
