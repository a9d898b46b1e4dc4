package status

// Reasons are said in the words of the rules that alert on them, English then
// French.

// brickReasons are why a brick is down, or a request of it failed.
func brickReasons() map[string][2]string {
	return map[string][2]string{
		"dns":          {"its name does not resolve", "son nom n’est pas résolu par le DNS"},
		"refused":      {"the connection is refused", "la connexion est refusée"},
		"unreachable":  {"no way leads to its address", "aucune route ne mène à son adresse"},
		"reset":        {"the connection is cut before the answer’s end", "la connexion est coupée avant la fin de la réponse"},
		"timeout":      {"it does not answer in time", "pas de réponse dans le temps imparti"},
		"tls":          {"TLS cannot be agreed on, or its certificate does not hold", "la négociation TLS échoue, ou son certificat n’est pas valable"},
		"denied":       {"it refuses access", "elle refuse l’accès"},
		"status":       {"its status code is not the one expected", "son code de statut n’est pas celui attendu"},
		"content_type": {"its answer is of another type", "sa réponse est d’un autre type"},
		"too_large":    {"its answer is too large", "sa réponse est trop volumineuse"},
		"unparsable":   {"its answer cannot be read", "sa réponse est illisible"},
		"unexpected":   {"its answer has an unknown shape", "sa réponse a une forme inconnue"},
		"unhealthy":    {"it says itself that it is not well", "elle dit elle-même qu’elle va mal"},
		"credentials":  {"the file with its password cannot be read", "le fichier de son mot de passe est illisible"},
		"error":        {"asking it ends with an error", "l’interroger se termine par une erreur"},
	}
}

// missingReasons are why a metric of a brick could not be had.
func missingReasons() map[string][2]string {
	return map[string][2]string{
		"missing":   {"the value is not there", "la valeur est absente"},
		"type":      {"the value is no number", "la valeur n’est pas un nombre"},
		"negative":  {"the counter is below zero", "le compteur est négatif"},
		"range":     {"the value is beyond what can be", "la valeur est hors du possible"},
		"rows":      {"there are more rows than it may have", "il y a plus de lignes que permis"},
		"duplicate": {"two rows have the same labels", "deux lignes ont les mêmes étiquettes"},
	}
}

// certificateReasons are why a certificate does not hold.
func certificateReasons() map[string][2]string {
	return map[string][2]string{
		"tls_expired":           {"it has expired", "il a expiré"},
		"tls_not_yet_valid":     {"it is not valid yet", "il n’est pas encore valable"},
		"tls_wrong_host":        {"it is for other names", "il est établi pour d’autres noms"},
		"tls_self_signed":       {"it is signed by itself", "il est auto-signé"},
		"tls_unknown_authority": {"its authority is not trusted", "son autorité n’est pas reconnue"},
		"tls_incomplete_chain":  {"the server does not send an intermediate certificate", "le serveur n’envoie pas un certificat intermédiaire"}, //nolint:misspell // it is French
		"tls_revoked":           {"its authority has revoked it", "son autorité l’a révoqué"},
		"tls_weak":              {"its signature uses a broken algorithm", "sa signature emploie un algorithme obsolète"},
		"tls_invalid":           {"it may not be used for this", "il n’est pas prévu pour cet usage"},
	}
}

// sourceReasons are why the releases of a project cannot be read.
func sourceReasons() map[string][2]string {
	return map[string][2]string{
		"unreachable":   {"the source cannot be reached", "la source est injoignable"},
		"timeout":       {"the source does not answer in time", "la source ne répond pas dans le temps imparti"},
		"tls":           {"the source’s certificate does not hold", "le certificat de la source n’est pas valable"},
		"not_found":     {"the source does not exist", "la source n’existe pas"},
		"gone":          {"the source is gone for good", "la source a disparu définitivement"},
		"unauthorized":  {"the source refuses, or refuses the token", "la source refuse, ou refuse le jeton"},
		"rate_limited":  {"the source is asked too often", "la source est interrogée trop souvent"},
		"server_error":  {"the source has an error of its own", "la source est elle-même en erreur"},
		"status":        {"the source answers with an unexpected status", "la source répond par un statut inattendu"},
		"redirect":      {"the source leads to a host that the site file does not name", "la source mène à un hôte que le fichier du site ne nomme pas"},
		"too_large":     {"the answer is too large", "la réponse est trop volumineuse"},
		"hostile":       {"the answer is built as no feed is", "la réponse est construite comme aucun flux"},
		"unreadable":    {"the answer is not what it should be", "la réponse n’est pas celle attendue"},
		"no_releases":   {"the source lists no releases", "la source ne liste aucune publication"},
		"no_match":      {"no tag fits the pattern", "aucune étiquette ne correspond au motif"},
		"token_missing": {"the token cannot be read", "le jeton ne peut pas être lu"},
	}
}

// beyond returns the words that say more than the reason itself does.
func beyond(known map[string][2]string, reason, words string) string {
	if words == known[reason][0] {
		return ""
	}
	return words
}

// because says a reason in words; one that is not known stays.
func (p *pen) because(known map[string][2]string, reason string) string {
	texts, ok := known[reason]
	switch {
	case !ok:
		return p.w.clean(reason, maxName)
	case p.w.Lang == "fr":
		return texts[1]
	default:
		return texts[0]
	}
}
