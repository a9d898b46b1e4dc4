package status

import (
	"fmt"
	"strings"
)

// words are the page's own texts in one language. Where a number decides the
// form, the text is "one|many".
type words struct {
	Lang string

	AsOf, Refreshes, On string

	AllWell, AllWellOff, NothingToWatch            string
	WellOf, WellOffOf                              string
	QuietButGaps, GapsOf                           string
	QuietButTrouble, TroubleOf                     string
	Fires, FiresCritical, FiresSilenced, OnlyMuted string
	Starting, NotKnown                             string
	EngineTrouble, ConfigRefused                   string

	Firing, Critical, Warning, Info                       string
	Since, SinceTitle, NoDataSince, SilencedBy            string
	SilencedUntil, Link                                   string
	NotWatched, NotWatchedLead, TargetsTitle              string
	Target, State, Why, LastSuccess, Never                string
	Good, Partial, Trouble, Down, Unknown, AllFine, Of    string
	Certificates, CertificatesOf, LookBelow               string
	Certificate, Expires, Remaining, Expired              string
	Days, Day                                             string
	Messages, When, Voice, What, Undelivered, NothingSaid string
	Instance, ConfigTitle, ConfigFile, NoFile, LoadedAt   string
	LastReload, ReloadGood, ReloadRefused                 string
	EngineTitle, EngineOff, Series, Samples, Rules        string
	Evaluated, Oldest, Disk, DiskOf, Version, StartedAt   string
	Ago, More, AndMore                                    string
}

var english = words{
	Lang: "en",
	AsOf: "As of", Refreshes: "refreshes every 30 s", On: "on",

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
	EngineTrouble:   "The engine is in trouble: alerts may be missing.",
	ConfigRefused:   "The newest configuration was refused; the former one is in force.",

	Firing: "Firing", Critical: "critical", Warning: "warning", Info: "info",
	Since: "since", SinceTitle: "Since", Link: "Show the graph", NoDataSince: "no data since", SilencedBy: "silenced by", SilencedUntil: "until",
	NotWatched:     "Not watched",
	NotWatchedLead: "These should be watched and could not be. What is unknown is not fine.",
	TargetsTitle:   "Targets", Target: "Target", State: "State", Why: "Why", LastSuccess: "Last measured", Never: "never",
	Good: "fine", Partial: "partly measured", Trouble: "in trouble", Down: "not measured", Unknown: "not asked yet",
	AllFine: "all fine", Of: "%d of %d fine",
	Certificates: "Certificates", CertificatesOf: "%d certificate|%d certificates", LookBelow: "look below", Certificate: "Certificate", Expires: "Expires", Remaining: "Remaining", Expired: "expired",
	Day: "day", Days: "days",
	Messages: "Last messages", When: "When", Voice: "Voice", What: "What", Undelivered: "not delivered", NothingSaid: "Nothing was said yet.",
	Instance:    "This instance",
	ConfigTitle: "Configuration", ConfigFile: "File", NoFile: "none, this machine alone is watched", LoadedAt: "In force since",
	LastReload: "Newest version", ReloadGood: "in force", ReloadRefused: "refused",
	EngineTitle: "Engine", EngineOff: "off: alerts are judged elsewhere", Series: "Series", Samples: "Samples a second", Rules: "Rules",
	Evaluated: "Last evaluation", Oldest: "Oldest data", Disk: "On disk", DiskOf: "of", Version: "Version", StartedAt: "Started",
	AndMore: "And %d more.|And %d more.", Ago: "%s ago", More: "… (%d characters)",
}

var french = words{
	Lang: "fr",
	AsOf: "État à", Refreshes: "actualisé toutes les 30 s", On: "sur",

	AllWell:         "Tout va bien",
	AllWellOff:      "Tout est mesuré",
	NothingToWatch:  "Rien n’est surveillé",
	WellOf:          "%d cible surveillée, aucune alerte.|%d cibles surveillées, aucune alerte.",
	WellOffOf:       "%d cible mesurée ici ; les alertes sont jugées ailleurs.|%d cibles mesurées ici ; les alertes sont jugées ailleurs.",
	QuietButGaps:    "Aucune alerte, mais tout n’est pas surveillé",
	GapsOf:          "%d élément n’a pas pu être surveillé.|%d éléments n’ont pas pu être surveillés.",
	QuietButTrouble: "Aucune alerte, mais quelque chose ne va pas",
	TroubleOf:       "%d cible est en difficulté.|%d cibles sont en difficulté.",
	Fires:           "%d alerte en cours|%d alertes en cours",
	FiresCritical:   "dont %d critique.|dont %d critiques.",
	FiresSilenced:   "%d autre en silence.|%d autres en silence.",
	OnlyMuted:       "Seules des alertes en silence sont en cours",
	Starting:        "Démarrage",
	NotKnown:        "L’état n’est pas encore connu.",
	EngineTrouble:   "Le moteur a un problème : des alertes peuvent manquer.",
	ConfigRefused:   "La dernière configuration a été refusée ; la précédente reste en vigueur.",

	Firing: "Alertes en cours", Critical: "critique", Warning: "avertissement", Info: "information",
	Since: "depuis", SinceTitle: "Depuis", Link: "Voir le graphique", NoDataSince: "sans données depuis", SilencedBy: "mise en silence par", SilencedUntil: "jusqu’à",
	NotWatched:     "Non surveillé",
	NotWatchedLead: "Ceci devrait être surveillé et n’a pas pu l’être. L’inconnu n’est pas un bon état.",
	TargetsTitle:   "Cibles", Target: "Cible", State: "État", Why: "Pourquoi", LastSuccess: "Dernière mesure", Never: "jamais",
	Good: "va bien", Partial: "mesurée en partie", Trouble: "en difficulté", Down: "non mesurée", Unknown: "pas encore interrogée",
	AllFine: "tout va bien", Of: "%d sur %d vont bien",
	Certificates: "Certificats", CertificatesOf: "%d certificat|%d certificats", LookBelow: "à regarder", Certificate: "Certificat", Expires: "Expire", Remaining: "Reste", Expired: "expiré",
	Day: "jour", Days: "jours",
	Messages: "Derniers messages", When: "Quand", Voice: "Voix", What: "Quoi", Undelivered: "non remis", NothingSaid: "Rien n’a encore été dit.",
	Instance:    "Cette instance",
	ConfigTitle: "Configuration", ConfigFile: "Fichier", NoFile: "aucun, seule cette machine est surveillée", LoadedAt: "En vigueur depuis",
	LastReload: "Dernière version", ReloadGood: "en vigueur", ReloadRefused: "refusée",
	EngineTitle: "Moteur", EngineOff: "arrêté : les alertes sont jugées ailleurs", Series: "Séries", Samples: "Échantillons par seconde", Rules: "Règles",
	Evaluated: "Dernière évaluation", Oldest: "Données les plus anciennes", Disk: "Sur disque", DiskOf: "sur", Version: "Version", StartedAt: "Démarré",
	AndMore: "Et %d autre.|Et %d autres.", Ago: "il y a %s", More: "… (%d caractères)",
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

// reason says a collector's reason in words; one that is not known stays.
func (w words) reason(reason string) string {
	known := map[string][2]string{
		"timeout":       {"it did not answer in time", "il n’a pas répondu à temps"},
		"still_running": {"an earlier run still hangs", "une mesure précédente est encore bloquée"},
		"panic":         {"an error of Tocsin's own", "une erreur de Tocsin même"},
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
