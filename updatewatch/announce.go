package updatewatch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// announcement says how a project stands now.
func (s *Status) announcement(k *known, now time.Time) Announcement {
	a := Announcement{
		Group: "updates/" + s.Name, Topic: Update, Project: s.Name, At: now, Since: k.Opened,
		Resolved: s.news == nil, Security: s.Security, URL: s.URL, Version: s.NewestInLine,
	}
	if s.Behind == 0 && s.news != nil {
		a.Version, a.URL = s.news.Version, s.news.URL
	}
	a.Texts = map[string]Text{}
	for _, w := range allWords() {
		a.Texts[w.language] = Text{Summary: w.headline(s, a.Version), Description: w.details(s)}
	}
	return a
}

// words are the phrases of one language.
type words struct {
	language                            string
	out, outHere, security, caughtUp    string
	inLine, newest, advisories, unknown string
	watched, waiting, current, more     string
	row, failing, remind                string
}

func allWords() []words {
	return []words{
		{
			language: "en",
			out:      "%s: %s is out", outHere: "%s: %s is out, %s runs here", security: " (security)",
			caughtUp: "%s: %s runs here, nothing newer waits",
			inLine:   "Newest in line %s: %s.", newest: "Newest of all: %s.", advisories: "Named by the release: %s.",
			unknown: "Tocsin does not know which version runs here: write deployed or deployed_from in the site file.",
			watched: "Releases of %d projects are followed", waiting: "%d with an update waiting", current: "all known ones up to date",
			row: "%s: %s runs here, %s is out", more: "and %d more", failing: "could not be asked: %s",
			remind: "Updates still wait: %d",
		},
		{
			language: "fr",
			out:      "%s : la version %s est sortie", outHere: "%s : la version %s est sortie, %s tourne ici", security: " (sécurité)",
			caughtUp: "%s : la version %s tourne ici, rien de plus récent n'attend",
			inLine:   "La plus récente de la branche %s : %s.", newest: "La plus récente de toutes : %s.", advisories: "Citées par la publication : %s.",
			unknown: "Tocsin ignore quelle version tourne ici : écrivez deployed ou deployed_from dans le fichier du site.",
			watched: "Les publications de %d projets sont suivies", waiting: "%d avec une mise à jour en attente", current: "tous ceux connus à jour",
			row: "%s : %s tourne ici, %s est sortie", more: "et %d de plus", failing: "sans réponse : %s",
			remind: "Mises à jour toujours en attente : %d",
		},
	}
}

func (w words) headline(s *Status, out string) string {
	var text string
	switch {
	case s.news == nil && s.Deployed != "":
		return fmt.Sprintf(w.caughtUp, s.Name, s.Deployed)
	case s.Deployed == "":
		text = fmt.Sprintf(w.out, s.Name, out)
	default:
		text = fmt.Sprintf(w.outHere, s.Name, out, s.Deployed)
	}
	if s.Security || s.news != nil && s.news.Security {
		text += w.security
	}
	return text
}

func (w words) details(s *Status) string {
	var parts []string
	if s.Deployed == "" {
		parts = append(parts, w.unknown)
	} else if s.NewestInLine != "" {
		parts = append(parts, fmt.Sprintf(w.inLine, s.Line, s.NewestInLine))
	}
	if s.Newest != s.NewestInLine {
		parts = append(parts, fmt.Sprintf(w.newest, s.Newest))
	}
	if len(s.Advisories) > 0 {
		parts = append(parts, fmt.Sprintf(w.advisories, strings.Join(s.Advisories[:min(10, len(s.Advisories))], ", ")))
	}
	return strings.Join(parts, " ")
}
