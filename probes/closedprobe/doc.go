// Package closedprobe looks at ports that must not answer from here: a
// database, a container engine or a dashboard that only its own network is to
// reach. It says nothing on a connection that comes about.
package closedprobe
