package main

import (
	"fmt"
	"runtime/debug"
)

// versionVerb says which Tocsin this is.
type versionVerb struct{}

// Run implements the verb.
func (versionVerb) Run(c *console) error {
	_, err := fmt.Fprintln(c.out, "tocsin", version())
	return err
}

// version is what the Go command wrote into the binary: the release, or the
// commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "development"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			text += " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			text += " (modified)"
		}
	}
	return text + " " + info.GoVersion
}
