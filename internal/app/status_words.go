package app

import "fmt"

// said writes one of the texts that this package adds to the status page, in
// the site's language.
func said(language, text string, with ...any) string {
	if french, ok := saidInFrench()[text]; ok && language == "fr" {
		text = french
	}
	return fmt.Sprintf(text, with...)
}

// saidInFrench has them all.
//
//nolint:misspell // it is French
func saidInFrench() map[string]string {
	return map[string]string{
		"the list of targets of %s":     "la liste des cibles de %s",
		"%s; the last good one is used": "%s\u00a0; la dernière bonne est utilisée",
		"in the list of %s: another target has the same job and instance, this one is not scraped": "dans la liste de %s\u00a0: une autre cible a les mêmes job et instance, celle-ci n’est pas lue",
		"left the list of %s: it is no longer watched":                                             "a quitté la liste de %s\u00a0: n’est plus surveillée",
		"measurements from before":                                                                 "les mesures d’avant",
		"could not be opened and are kept in %s":                                                   "n’ont pas pu être ouvertes et sont gardées dans %s",
		"the disk is full":                                                                         "le disque est plein",
		"the newest message was not delivered: %s":                                                 "le dernier message n’a pas été remis\u00a0: %s",
		"rules are not evaluated":                                                                  "les règles ne sont pas évaluées",
		"bricks, certificates and updates of other hosts":                                          "les briques, certificats et mises à jour des autres hôtes",
	}
}
