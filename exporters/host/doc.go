// Package host measures the machine that Tocsin runs on, under the names,
// types and labels of node_exporter 1.12: a dashboard or rule written for it
// works unchanged on this page.
//
// One file is one collector. Numbers come from gopsutil where it has them,
// from prometheus/procfs where gopsutil lacks depth, and from parsers of our
// own where both would panic on a truncated file, hide what they could not
// read, or cost too much at every scrape; each such file says which.
//
// It is not for services (exporters/brick), nor for anything that needs a
// program to be run, a network to be spoken to, or root.
package host
