// Package jq evaluates expressions of the jq language over JSON documents that
// come from elsewhere: compiled once, run under the caller's deadline, with a
// bound on what they emit, and without a way out (no environment, no files, no
// modules, no other input).
package jq
