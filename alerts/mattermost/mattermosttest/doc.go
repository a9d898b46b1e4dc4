// Package mattermosttest is a strict fake of a Mattermost server, as far as
// notifications need one: it refuses what the real one refuses, with the same
// status. Its posts can be read, its clock can be moved, and faults are made on
// demand. It keeps everything in memory and listens on the loopback interface.
//
// Source of the behaviour: tried on Mattermost 9.9 and 11.1. The suite of the
// package above runs against this server and, where one is at hand, against a
// real one, so that the two cannot drift apart.
package mattermosttest
