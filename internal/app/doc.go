// Package app wires the rooms into one running Tocsin: the site file becomes
// targets, pages, an engine and a voice, and a reload swaps them.
//
// It holds no logic of any room. What lives as long as the process (listener,
// engine, metrics) and what a reload rebuilds (targets, access, hosts, rules,
// voice, heartbeat) are two structs: App and generation.
package app
