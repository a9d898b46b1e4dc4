// Package mumbleprobe asks a Mumble server by the ping that Mumble's own list of
// servers sends: its version, and how many users it has. Nobody logs in.
package mumbleprobe
