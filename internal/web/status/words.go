package status

import (
	"fmt"
	"strings"
)

// words are the page's own texts in one language. Where a number decides the
// form, the text is "one|many".
type words struct {
	Lang string

	AsOf, Refreshes, On, SeenFrom string

	AllWell, AllWellOff, NothingToWatch            string
	WellOf, WellOffOf                              string
	QuietButGaps, GapsOf                           string
	QuietButTrouble, TroubleOf                     string
	Fires, FiresCritical, FiresSilenced, OnlyMuted string
	Starting, NotKnown                             string
	EngineTrouble, ConfigRefused                   string
	Colon                                          string
	FirstLooks, AllWatchedWell, AsideOf, FaultyOf  string

	Firing, Critical, Warning, Info                       string
	Since, SinceTitle, NoDataSince, SilencedBy            string
	SilencedUntil, Link                                   string
	NotWatched, NotWatchedLead, TargetsTitle              string
	Target, State, Why, LastSuccess, Never                string
	Good, Partial, Trouble, Down, Unknown, AllFine, Of    string
	Faulty, Looks                                         string
	Bricks, BricksOf, Brick, BrickDown, BrickUnknown      string
	NotAnswered, MissingOf, Look, LookToo                 string
	Certificates, CertificatesOf, Certificate             string
	Expires, Remaining, Left, ExpiredAgo                  string
	Updates, ProjectsOf, Project, AllCurrent, OfCurrent   string
	Deployed, NewestInLine, Newest, Asked                 string
	LastRead, NeverRead                                   string
	BehindOf, SecurityWaits, NewLine, UpToDate            string
	DeployedUnknown, SourceUnread, SourceUnasked          string
	Days, Day                                             string
	Messages, When, Voice, What, Undelivered, NothingSaid string
	Instance, ConfigTitle, ConfigFile, NoFile, LoadedAt   string
	LastReload, ReloadGood, ReloadRefused                 string
	EngineTitle, EngineOff, Series, Rules                 string
	Evaluated, Oldest, Disk, DiskOf, Version, StartedAt   string
	Ago, More, AndMore                                    string
}

var english = words{
	Lang: "en", Colon: ":",
	AsOf: "As of", Refreshes: "refreshes every 30 s", On: "on", SeenFrom: "seen from",

	AllWell:         "All is well",
	AllWellOff:      "All is measured",
	NothingToWatch:  "Nothing is watched",
	WellOf:          "%d target is watched and nothing fires.|%d targets are watched and nothing fires.",
	WellOffOf:       "%d target is measured here; alerts are judged elsewhere.|%d targets are measured here; alerts are judged elsewhere.",
	QuietButGaps:    "Nothing fires, but not all is watched",
	GapsOf:          "%d thing could not be watched.|%d things could not be watched.",
	QuietButTrouble: "No alert, but something is wrong",
	TroubleOf:       "%d target is in trouble.|%d targets are in trouble.",
	Fires:           "%d alert is firing|%d alerts are firing",
	FiresCritical:   "%d of them is critical.|%d of them are critical.",
	FiresSilenced:   "%d more is silenced.|%d more are silenced.",
	OnlyMuted:       "Only silenced alerts are firing",
	Starting:        "Starting",
	NotKnown:        "How things stand is not known yet.",
	FirstLooks:      "The first measurements are being made.",
	AllWatchedWell:  "All that is watched is well",
	AsideOf:         "%d thing cannot be watched on this machine as it is set up.|%d things cannot be watched on this machine as it is set up.",
	FaultyOf:        "%d target is fine, but not all about it is as it should be.|%d targets are fine, but not all about them is as it should be.",
	EngineTrouble:   "The engine is in trouble: alerts may be missing.",
	ConfigRefused:   "The newest configuration was refused; the former one is in force.",

	Firing: "Firing", Critical: "critical", Warning: "warning", Info: "info",
	Since: "since", SinceTitle: "Since", Link: "Show the graph", NoDataSince: "no data since", SilencedBy: "silenced by", SilencedUntil: "until",
	NotWatched:     "Not watched",
	NotWatchedLead: "These should be watched and could not be. What is unknown is not fine.",
	TargetsTitle:   "Targets", Target: "Target", State: "State", Why: "Why", LastSuccess: "Last measured", Never: "never",
	Good: "fine", Partial: "partly measured", Trouble: "in trouble", Down: "not measured", Unknown: "not asked yet", Faulty: "fine, but …", Looks: "What the probe saw",
	AllFine: "all fine", Of: "%d of %d fine|%d of %d fine",
	Bricks: "Bricks", BricksOf: "%d brick|%d bricks", Brick: "Brick", BrickDown: "down", BrickUnknown: "not measured yet",
	NotAnswered: "not answered:", MissingOf: "%d metric is missing|%d metrics are missing", Look: "look at these", LookToo: "look at these too",
	Certificates: "Certificates", CertificatesOf: "%d certificate|%d certificates", Certificate: "Certificate",
	Expires: "Expires", Remaining: "Remaining", Left: "%s left", ExpiredAgo: "expired %s ago",
	Updates: "Updates", ProjectsOf: "%d project|%d projects", Project: "Project", AllCurrent: "all up to date", OfCurrent: "%d of %d up to date|%d of %d up to date",
	Deployed: "Runs", NewestInLine: "Newest in its line", Newest: "Newest of all", Asked: "Last asked", LastRead: "last read", NeverRead: "never read",
	BehindOf: "%d release behind|%d releases behind", SecurityWaits: "a security fix waits", NewLine: "new line", UpToDate: "up to date",
	DeployedUnknown: "not known what runs", SourceUnread: "source not readable", SourceUnasked: "not asked yet",
	Day: "day", Days: "days",
	Messages: "Last messages", When: "When", Voice: "Voice", What: "What", Undelivered: "not delivered", NothingSaid: "Nothing was said yet.",
	Instance:    "This instance",
	ConfigTitle: "Configuration", ConfigFile: "File", NoFile: "none, this machine alone is watched", LoadedAt: "In force since",
	LastReload: "Newest version", ReloadGood: "in force", ReloadRefused: "refused",
	EngineTitle: "Engine", EngineOff: "off: alerts are judged elsewhere", Series: "Series", Rules: "Rules",
	Evaluated: "Last evaluation", Oldest: "Oldest data", Disk: "On disk", DiskOf: "of", Version: "Version", StartedAt: "Started",
	AndMore: "And %d more.|And %d more.", Ago: "%s ago", More: "… (%d characters)",
}

// in returns the words of a language; English where it is not spoken here.
func in(language string) words {
	if language == "fr" {
		return french
	}
	return english
}

// count writes n in its form of "one|many". French counts zero as one.
func (w words) count(forms string, n int) string {
	one, many, _ := strings.Cut(forms, "|")
	if n == 1 || (n == 0 && w.Lang == "fr") {
		return fmt.Sprintf(one, n)
	}
	return fmt.Sprintf(many, n)
}

// countOf writes n of all in its form of "one|many".
func (w words) countOf(forms string, n, all int) string {
	one, many, _ := strings.Cut(forms, "|")
	if n == 1 || (n == 0 && w.Lang == "fr") {
		return fmt.Sprintf(one, n, all)
	}
	return fmt.Sprintf(many, n, all)
}

// ErrorTexts says in which language steps and errors are told, where it is not the
// page's own.
func (w words) ErrorTexts() string {
	if w.Lang == "fr" {
		return "Les étapes et le texte même des erreurs sont montrés tels quels, en anglais."
	}
	return ""
}

// reason says a collector's reason in words; one that is not known stays.
func (w words) reason(reason string) string {
	known := map[string][2]string{
		"timeout":       {"it did not answer in time", "il n’a pas répondu à temps"},
		"still_running": {"an earlier run still hangs", "une mesure précédente est encore bloquée"},
		"panic":         {"an error of Tocsin’s own", "une erreur de Tocsin même"},
		"permission":    {"Tocsin may not read it", "Tocsin n’a pas le droit de le lire"},
		"unreachable":   {"the server did not answer", "le serveur n’a pas répondu"},
		"refused":       {"the server refused", "le serveur a refusé"},
		"stalled":       {"a part of it hangs", "une partie est bloquée"},
		"invalid":       {"it sent what cannot be read", "il a envoyé des données illisibles"},
		"error":         {"it failed", "il a échoué"},
	}
	texts, ok := known[reason]
	switch {
	case !ok:
		return reason
	case w.Lang == "fr":
		return texts[1]
	default:
		return texts[0]
	}
}
