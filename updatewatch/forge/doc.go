// Package forge asks where software is released: GitHub, GitLab and Gitea (or
// Forgejo) by their feeds or their APIs, any RSS, Atom or JSON feed, and the
// Packages index of a Debian repository.
//
// It asks politely: one request at a time and a pause between for each host,
// only for what has changed since, and not at all before the moment that a
// host has named. It asks no host but the one it was given: a redirect to
// another is an error. What an answer means for a project, updatewatch knows.
package forge

import (
	"time"

	"tocsin/internal/secret"
)

// A Kind is what sort of place a source is.
type Kind string

// The kinds of sources.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea" // Forgejo likewise
	Feed   Kind = "feed"
	Apt    Kind = "apt"
)

// A Source is one place where releases are announced.
type Source struct {
	Kind Kind
	// URL is the repository's page, the feed, or the Packages index.
	URL string
	// Tags asks for the repository's tags in place of its releases.
	Tags bool
	// API asks a forge by its API in place of its feed: more releases, and
	// which of them are not final.
	API bool
	// APIBase is where the API is, without a slash at its end.
	APIBase string
	// Package is the package in an apt repository.
	Package string
	// Token opens the API; empty for none.
	Token secret.Source
}

// A Question is one visit to a source.
type Question struct {
	Source
	Validators Validators
	// Pages is how many pages of an API's answer are read at most.
	Pages int
}

// Validators are by what a host knows what we have already. They are kept and
// sent as they came.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// A Release is what a source says of one release. All is a stranger's text.
type Release struct {
	Tag        string
	Title      string
	URL        string
	Published  time.Time // zero: it does not say
	Prerelease bool      // the forge says so
	Security   bool      // its text speaks of security
	Advisories []string  // CVE-2026-1234, GHSA-..., in the order of the text, at most 10
}

// An Answer is what a source said.
type Answer struct {
	// NotModified: nothing changed; there are no releases in the answer.
	NotModified bool
	Releases    []Release
	Validators  Validators
	// MovedTo is the new address that the host gave for good; empty if none.
	MovedTo string
	// Partial: older releases were left out.
	Partial bool
}
