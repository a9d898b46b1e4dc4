package updatewatch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Topic is what an announcement is about.
type Topic string

// The topics.
const (
	Update  Topic = "update"   // one project: an update waits, or has been made
	Summary Topic = "summary"  // the first look at projects: what is watched, what waits
	Remind  Topic = "reminder" // what still waits
)

// An Announcement is one message as it stands now: a later one of the same
// group replaces it. Its texts have no word of a stranger's: versions, names
// of advisories, and a link to the source's own host.
type Announcement struct {
	// Group is the same for ever for one project.
	Group   string    `json:"group"`
	Topic   Topic     `json:"topic"`
	Project string    `json:"project,omitempty"` // empty for what is about several
	Version string    `json:"version,omitempty"` // that waits
	At      time.Time `json:"at"`
	Since   time.Time `json:"since"`
	// Resolved: nothing waits any more.
	Resolved bool   `json:"resolved,omitempty"`
	Security bool   `json:"security,omitempty"`
	URL      string `json:"url,omitempty"`
	// Texts are the words, by language: en, fr.
	Texts map[string]Text `json:"texts"`
}

// A Text is an announcement in words: one line, and what else there is to say.
type Text struct {
	Summary     string `json:"summary"`
	Description string `json:"description"`
}

// digest tells two messages apart that say different things.
func (a *Announcement) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%t %t %q %q", a.Resolved, a.Security, a.Version, a.URL)
	for _, language := range []string{"en", "fr"} {
		fmt.Fprintf(h, " %q", a.Texts[language])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// group is that of a project's post.
func group(project string) string { return "updates/" + project }

// left says that a project is followed no more.
func left(project string, since, now time.Time) Announcement {
	a := Announcement{Group: group(project), Topic: Update, Project: project, At: now, Since: since, Resolved: true, Texts: map[string]Text{}}
	for _, w := range allWords() {
		a.Texts[w.language] = Text{Summary: fmt.Sprintf(w.project, project, w.left)}
	}
	return a
}

// announcement says how a project stands now.
func (s *Status) announcement(since, now time.Time) Announcement {
	a := Announcement{
		Group: group(s.Name), Topic: Update, Project: s.Name, At: now, Since: since,
		Security: s.security(), Texts: map[string]Text{},
	}
	if outs := s.outs(); len(outs) > 0 {
		a.Version, a.URL = outs[0].release.Version, outs[0].release.URL
	}
	for _, w := range allWords() {
		a.Texts[w.language] = Text{Summary: w.headline(s), Description: w.details(s)}
	}
	return a
}

// out is a release to be told of, and for which deployments.
type out struct {
	release *release
	of      []*Deployment
}

// outs lists the releases to be told of, the newest first.
func (s *Status) outs() []out {
	var all []out
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.out == nil {
			continue
		}
		if at := slices.IndexFunc(all, func(o out) bool { return o.release == d.out }); at >= 0 {
			all[at].of = append(all[at].of, d)
		} else {
			all = append(all, out{d.out, []*Deployment{d}})
		}
	}
	slices.SortStableFunc(all, func(a, b out) int { return a.of[0].place - b.of[0].place })
	return all
}

// words are the phrases of one language.
type words struct {
	language                                       string
	project, out, here, runs, caughtUp, security   string
	inLine, newest, advisories, unknown, notHeard  string
	watched, waiting, current, more, failing, late string
	left                                           string
}

func allWords() []words {
	return []words{
		{
			language: "en",
			project:  "%s: %s", out: "%s is out", here: "%s runs here", runs: "%s runs %s",
			caughtUp: "nothing newer waits", security: " (security)",
			inLine: "Newest in line %s: %s.", newest: "Newest of all: %s.", advisories: "Named by the release: %s.",
			unknown:  "Tocsin does not know which version runs here: write deployed or deployed_from in the site file.",
			notHeard: "It is not known which version runs at: %s.",
			watched:  "Releases of %d projects are followed", waiting: "%d with an update waiting", current: "all known ones up to date",
			more: "and %d more", failing: "could not be asked: %s", late: "Updates still wait: %d",
			left: "its releases are followed no more",
		},
		{
			language: "fr",
			project:  "%s : %s", out: "la version %s est sortie", here: "%s tourne ici", runs: "%s est en %s",
			caughtUp: "rien de plus récent n'attend", security: " (sécurité)",
			inLine: "La plus récente de la branche %s : %s.", newest: "La plus récente de toutes : %s.", advisories: "Citées par la publication : %s.",
			unknown:  "Tocsin ignore quelle version tourne ici : écrivez deployed ou deployed_from dans le fichier du site.",
			notHeard: "La version en place n'est pas connue pour : %s.",
			watched:  "Les publications de %d projets sont suivies", waiting: "%d avec une mise à jour en attente", current: "tous ceux connus à jour",
			more: "et %d de plus", failing: "sans réponse : %s", late: "Mises à jour toujours en attente : %d",
			left: "ses publications ne sont plus suivies",
		},
	}
}

// named is what a deployment is called in messages. It is empty where the
// project's name says it all.
func (s *Status) named(d *Deployment) string {
	brick, isBrick := strings.CutPrefix(d.From, "brick/")
	switch {
	case isBrick && (brick != s.Name || len(s.Deployments) > 1):
		return brick
	case len(s.Deployments) > 1:
		return d.From
	}
	return ""
}

// headline says in one line what is out and what runs, or that all is well.
func (w words) headline(s *Status) string {
	var parts []string
	for _, o := range s.outs() {
		text := fmt.Sprintf(w.out, o.release.Version)
		if runs := w.running(s, o.of); runs != "" {
			text += ", " + runs
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		var all []*Deployment
		for i := range s.Deployments {
			all = append(all, &s.Deployments[i])
		}
		parts = []string{w.caughtUp}
		if runs := w.running(s, all); runs != "" {
			parts = []string{runs + ", " + w.caughtUp}
		}
	}
	text := fmt.Sprintf(w.project, s.Name, strings.Join(parts, "; "))
	if s.security() {
		text += w.security
	}
	return text
}

// running says what runs, as far as it is known.
func (w words) running(s *Status, of []*Deployment) string {
	var parts []string
	for _, d := range of {
		name := s.named(d)
		switch {
		case d.Version == "":
		case name == "":
			parts = append(parts, fmt.Sprintf(w.here, d.Version))
		default:
			parts = append(parts, fmt.Sprintf(w.runs, name, d.Version))
		}
	}
	return strings.Join(w.cut(parts), ", ")
}

func (w words) details(s *Status) string {
	var parts, newest, notHeard, advisories []string
	for i := range s.Deployments {
		d := &s.Deployments[i]
		advisories = append(advisories, d.Advisories...)
		newest = append(newest, d.NewestInLine)
		switch text := fmt.Sprintf(w.inLine, d.Line, d.NewestInLine); {
		case d.Version == "" && d.From == "":
			parts = append(parts, w.unknown)
		case d.Version == "":
			notHeard = append(notHeard, cmp.Or(s.named(d), d.From))
		case d.NewestInLine != "" && !slices.Contains(parts, text):
			parts = append(parts, text)
		}
	}
	parts = w.cut(parts)
	if !slices.Contains(newest, s.Newest) {
		parts = append(parts, fmt.Sprintf(w.newest, s.Newest))
	}
	if len(notHeard) > 0 {
		parts = append(parts, fmt.Sprintf(w.notHeard, strings.Join(w.cut(notHeard), ", ")))
	}
	slices.Sort(advisories)
	if advisories = slices.Compact(advisories); len(advisories) > 0 {
		parts = append(parts, fmt.Sprintf(w.advisories, strings.Join(advisories[:min(10, len(advisories))], ", ")))
	}
	return strings.Join(parts, " ")
}
