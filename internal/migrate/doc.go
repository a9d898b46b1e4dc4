// Package migrate turns the configuration of the programs that Tocsin takes
// the place of into a site file: node_exporter's flags, the files of
// Prometheus, Alertmanager, blackbox_exporter and postgres_exporter. One
// source is one file of this package.
//
// What a source makes is a site file that loads, and a list of all that is not
// in it, each with its place, the reason, and what to write or do instead.
// Nothing is dropped in silence. The labels job and instance stay as they were.
//
// It is text in, text out: beside the file that it is given it reads only
// those that this names (lists of targets, rules, web configuration), and it
// touches no network. No secret is ever printed: the site file names a file
// that somebody has to make, and the list says where the secret stands now.
package migrate
