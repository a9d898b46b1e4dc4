package status

import "strings"

// phase names a part of a look.
func (w *probeWords) phase(phase string) string {
	known := map[string]string{"resolve": "nom", "connect": "connexion", "processing": "traitement", "transfer": "transfert"}
	if text, ok := known[phase]; ok && w.Lang == "fr" {
		return text
	}
	return phase
}

// told says what a look does in the page's language. The sentences are each
// protocol's own, made of these phrases and of names; one that is not known
// stays in English.
func (w *probeWords) told(text string) string {
	if w.Lang != "fr" {
		return text
	}
	return strings.NewReplacer(
		// Longer phrases come before those that they begin with.
		"the blocklists ", "les listes de blocage ", " are asked about it, at most ", " sont interrogés à ce sujet, sur au plus ",
		"32 addresses", "32 adresses", " are asked about ", " sont interrogées sur ",
		"asked for the health of ", "demande de l’état de santé de ", "asked for its health", "demande de son état de santé",
		"asked for the time", "demande de l’heure", "asked for its options", "demande de ses options",
		"asked for TLS, in the words of ", "passage à TLS, dans les termes de ",
		"asked for the ", "demande des enregistrements ", " records of ", " de ",
		"asked how many users it has", "demande du nombre de ses usagers", "asked to turn to WebSocket", "demande de passage en WebSocket",
		"asked what it tells of itself, by nobody", "demande de ce qu’il dit de lui-même, sans identifiant",
		", and asked what it tells of itself", ", puis demande de ce qu’il dit de lui-même",
		"logged in to as ", "connexion en tant que ", "logged in to by certificate", "connexion par certificat",
		" is searched for ", "\u00a0: recherche de ", "a made-up password is sent without TLS", "un mot de passe inventé est envoyé sans TLS",
		"its RDAP server is asked about ", "son serveur RDAP est interrogé sur ", "its registry is asked about ", "son registre est interrogé sur ",
		", and once a day IANA for the list of registries", ", et une fois par jour l’IANA pour la liste des registres",
		", with the metadata ", ", avec les métadonnées ", " without logging in", " sans s’identifier",
		"a journey of ", "un parcours de ", " steps as a user would make it,", " étapes comme le ferait un usager,",
		" as a user would", " comme le ferait un usager", ", as user ", ", en tant que ", " with the password", " avec le mot de passe",
		", with the bearer token", ", avec le jeton", ", with the headers ", ", avec les en-têtes ", ", with a body", ", avec un corps",
		", by the proxy ", ", par le mandataire ",
		"; then a plain GET to wherever it redirects", "\u00a0; puis un simple GET là où mènent ses redirections",
		"; then the keys that its discovery document names", "\u00a0; puis les clés que nomme son document de découverte",
		"; every ", "\u00a0; à chaque intervalle de ", " a GET over https and http and an OPTIONS, to grade its headers", " un GET en https et en http et un OPTIONS, pour noter ses en-têtes",
		"pinged", "un ping", "this machine's name servers", "les serveurs de noms de cette machine",
		" are asked for the MX and TXT records of ", " sont interrogés sur les enregistrements MX et TXT de ", " and of what these name", " et de ce qu’ils nomment",
		"a small message is sent from ", "un petit message est envoyé de ", " to ", " à ", ", and fetched and deleted on ", ", puis relevé et supprimé sur ",
		"greeted with EHLO", "salutation EHLO", ", asked whether it would take mail for ", ", question s’il accepterait du courriel pour ", " and for ", " et pour ",
		"a connection is made for each type of host key, keys are exchanged, and nobody logs in", "une connexion pour chaque type de clé d’hôte, l’échange des clés, sans s’identifier",
		"a connection is tried, and must not come about", "une connexion est tentée, et ne doit pas aboutir",
		"a connection is made, and nothing said", "une connexion est faite, sans rien dire",
		"a connection is made, and the ", "une connexion est faite, et les ", " steps of query_response are gone through", " étapes de query_response sont suivies",
		", and a text is sent", ", et un texte est envoyé",
		"the name servers of ", "les serveurs de noms de ", " and of the zone above it", " et de la zone au-dessus",
	).Replace(text)
}
