// Package blackbox reads a blackbox.yml as it is, that is: the modules that a
// Prometheus names when it has targets probed, and makes probers of them. Keys
// and meanings are blackbox_exporter 0.28's.
//
// It serves nobody over HTTP and decides about no target: that is for whoever
// asks it for a prober.
package blackbox
