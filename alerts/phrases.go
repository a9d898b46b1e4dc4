package alerts

// Phrases are the fixed words of messages, in one language. Those with a verb
// take what their comment says.
type Phrases struct {
	Since     string // when, how long
	Lasted    string // from, to, how long
	Resolved  string
	After     string // how long
	NoData    string // since when
	Unwatched string
	Because   string // why something is no longer watched
	More      string // how many
	MoreOne   string
	NewAlert  string
	Again     string // how many times, since when
	AgainTold string // how many times
	Still     string // how long
	Continued string
	AsOf      string // when
	Detail    string
	Details   string
	Colon     string
	Months    [12]string
	Day       string
}

// phrases returns the words of a language; those that we have none for get
// English.
func phrases(language string) Phrases {
	if language == "fr" {
		return Phrases{
			Since:     "depuis %s (%s)",
			Lasted:    "%s → %s (%s)",
			Resolved:  "Résolu",
			After:     "après %s",
			NoData:    "pas de données depuis %s : l'alerte est maintenue, non confirmée",
			Unwatched: "N'est plus surveillé",
			Because:   "la cible ou la règle n'est plus configurée ; personne n'a constaté la réparation",
			More:      "et %d autres",
			MoreOne:   "et 1 autre",
			NewAlert:  "Nouvelle alerte",
			Again:     "%d fois depuis %s",
			AgainTold: "Se redéclenche (%d fois)",
			Still:     "Toujours en alerte depuis %s",
			Continued: "Le serveur ne permet plus de modifier ce message : la suite est dans un nouveau message.",
			AsOf:      "état : %s",
			Detail:    "détail",
			Details:   "voir",
			Colon:     " : ",
			Months: [12]string{
				"janv.", "févr.", "mars", "avr.", "mai", "juin",
				"juil.", "août", "sept.", "oct.", "nov.", "déc.",
			},
			Day: "j",
		}
	}
	return Phrases{
		Since:     "since %s (%s)",
		Lasted:    "%s → %s (%s)",
		Resolved:  "Resolved",
		After:     "after %s",
		NoData:    "no data since %s: the alert is held, not confirmed",
		Unwatched: "No longer watched",
		Because:   "its target or rule is no longer configured; nobody saw it mended",
		More:      "and %d more",
		MoreOne:   "and 1 more",
		NewAlert:  "New alert",
		Again:     "%d times since %s",
		AgainTold: "Fires again (%d times)",
		Still:     "Still firing after %s",
		Continued: "The server no longer lets this post be edited: it goes on in a new post.",
		AsOf:      "as of %s",
		Detail:    "detail",
		Details:   "details",
		Colon:     ": ",
		Months: [12]string{
			"Jan", "Feb", "Mar", "Apr", "May", "Jun",
			"Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
		},
		Day: "d",
	}
}
