package status

// probeWords are the texts of the page of one probe.
type probeWords struct {
	Lang                                        string
	Title, Back, Every, From                    string
	Up, UpBut, Down, NotYet, NotMeasured        string
	DownEverywhere, DownSomewhere, Blind        string
	Shut, Open, OpenEverywhere, OpenSomewhere   string // for a port that must not answer
	Looks, LooksLead, LastFailure, Took         string
	Steps, Step, Phase, Offset, StepTook, NoLog string
	Differ, DifferMeans, ShownTo, Until         string
	Server, Chain, NoChain, NotYetValid         string
	Issuer, Names, Key, Serial, ValidFrom, To   string
}

func probeWordsIn(language string) probeWords {
	if language == "fr" {
		return probeFrench
	}
	return probeEnglish
}

// closed has the words for what must not answer stand for up and down.
func (w *probeWords) closed() {
	w.Up, w.Down, w.DownEverywhere, w.DownSomewhere = w.Shut, w.Open, w.OpenEverywhere, w.OpenSomewhere
}

var probeEnglish = probeWords{
	Lang:  "en",
	Title: "What a look does:", Back: "All of the site", Every: "One look every %s", From: "From %s",
	Up: "up", UpBut: "up, but …", Down: "down", NotYet: "Not looked at yet", NotMeasured: "Not measured since %s",
	DownEverywhere: "Down from everywhere (%d of %d places)", DownSomewhere: "Down from %d of %d places",
	Blind: "%d place could not look.|%d places could not look.",
	Shut:  "closed, as it must be", Open: "open", OpenEverywhere: "Open from everywhere (%d of %d places)", OpenSomewhere: "Open from %d of %d places",
	Looks: "Newest looks", LooksLead: "Of the oldest ones only the outcome is kept.", LastFailure: "The newest failure:", Took: "took",
	Steps: "Step by step", Step: "What was done", Phase: "Phase", Offset: "At", StepTook: "Took", NoLog: "Its steps are no longer kept.",
	Differ:      "%s does not show every place the same certificate",
	DifferMeans: "Usual behind a content network; else a host that still serves the old one, or a name that leads elsewhere there.",
	ShownTo:     "Shown to", Until: "until",
	Server: "What %s showed", Chain: "The chain is good until %s.", NoChain: "No chain of these holds.", NotYetValid: "not valid yet",
	Issuer: "Issued by", Names: "Names", Key: "Key", Serial: "Serial number", ValidFrom: "valid from", To: "to",
}

var probeFrench = probeWords{
	Lang:  "fr",
	Title: "Ce que fait une mesure\u00a0:", Back: "Tout le site", Every: "Une mesure toutes les %s", From: "Depuis %s",
	Up: "répond", UpBut: "répond, mais…", Down: "en panne", NotYet: "Pas encore mesurée", NotMeasured: "Non mesurée depuis %s",
	DownEverywhere: "En panne, vu de partout (%d sur %d lieux)", DownSomewhere: "En panne, vu de %d sur %d lieux",
	Blind: "%d lieu n’a pas pu mesurer.|%d lieux n’ont pas pu mesurer.",
	Shut:  "fermé, comme il se doit", Open: "ouvert", OpenEverywhere: "Ouvert, vu de partout (%d sur %d lieux)", OpenSomewhere: "Ouvert, vu de %d sur %d lieux",
	Looks: "Dernières mesures", LooksLead: "Des plus anciennes, seul le résultat est gardé.", LastFailure: "Le dernier échec\u00a0:", Took: "en",
	Steps: "Pas à pas", Step: "Ce qui a été fait", Phase: "Phase", Offset: "À", StepTook: "Durée", NoLog: "Ses étapes ne sont plus gardées.",
	Differ:      "%s ne montre pas le même certificat à tous les lieux",
	DifferMeans: "Usuel derrière un réseau de diffusion\u00a0; sinon un hôte qui sert encore l’ancien, ou un nom qui mène ailleurs de là.",
	ShownTo:     "Montré à", Until: "jusqu’au",
	Server: "Ce que %s a montré", Chain: "La chaîne est bonne jusqu’au %s.", NoChain: "Aucune chaîne n’est valable.", NotYetValid: "pas encore valable",
	Issuer: "Émis par", Names: "Noms", Key: "Clé", Serial: "Numéro de série", ValidFrom: "valable du", To: "au",
}

// probeReasons are why a probe failed, in English and French.
func probeReasons() map[string][2]string {
	all := map[string][2]string{
		"dns":                    {"its name does not resolve", "son nom n’est pas résolu par le DNS"},
		"blocked_address":        {"its name leads to an address that the probe may not speak to", "son nom mène à une adresse que la sonde n’a pas le droit de joindre"},
		"refused":                {"the connection is refused", "la connexion est refusée"},
		"unreachable":            {"no way leads to its address", "aucune route ne mène à son adresse"},
		"reset":                  {"the connection is cut before an answer comes", "la connexion est coupée avant toute réponse"},
		"timeout":                {"it does not answer in time", "pas de réponse dans le temps imparti"},
		"tls_client_certificate": {"it wants a client certificate", "il exige un certificat client"},
		"tls_version":            {"it has no safe TLS version", "il n’offre aucune version sûre de TLS"},
		"tls_handshake":          {"TLS cannot be negotiated", "la négociation TLS échoue"},
		"no_starttls":            {"it does not offer STARTTLS", "il n’offre pas STARTTLS"},
		"protocol":               {"it speaks another protocol", "il ne parle pas le protocole attendu"},
		"truncated":              {"its answer breaks off", "sa réponse est tronquée"},
		"too_large":              {"its answer is too large", "sa réponse est trop volumineuse"},
		"redirect_loop":          {"its redirects lead in a circle", "ses redirections tournent en rond"},
		"redirect":               {"its redirects do not lead where they should", "ses redirections ne mènent pas où elles devraient"},
		"status":                 {"its status code is not the one expected", "son code de statut n’est pas celui attendu"},
		"header":                 {"a header of its answer is not as expected", "un en-tête de sa réponse n’est pas celui attendu"},
		"encryption":             {"it is encrypted where it should not be, or not where it should", "il est chiffré quand il ne devrait pas, ou l’inverse"},
		"body":                   {"its content is not as expected", "son contenu n’est pas celui attendu"},
		"no_upgrade":             {"it does not turn to WebSocket", "il ne passe pas en WebSocket"},
		"login_refused":          {"it does not let the probe log in", "il refuse les identifiants de la sonde"},
		"plaintext_auth":         {"it takes passwords without TLS", "il accepte des mots de passe sans TLS"},
		"host_key":               {"its host key is another", "sa clé d’hôte n’est pas celle attendue"},
		"port_open":              {"its port answers, and must not", "son port répond et ne devrait pas"},
		"mail_refused":           {"it refuses the mail", "il refuse le courriel"},
		"greylisted":             {"it wants the mail again, later (greylisting)", "il demande de représenter le courriel plus tard (liste grise)"},
		"open_relay":             {"it takes mail from strangers for strangers", "il accepte le courriel d’inconnus pour des inconnus"},
		"undelivered":            {"the message sent does not arrive in time", "le message envoyé n’arrive pas dans le temps imparti"},
		"mail_dns":               {"a record about its mail is missing or wrong", "un enregistrement DNS de son courriel manque ou est faux"},
		"registration":           {"its registry knows no such domain", "son registre ne connaît pas ce domaine"},
		"dnssec":                 {"its DNSSEC signatures do not hold", "ses signatures DNSSEC ne sont pas valables"},
		"listed":                 {"it is on a blocklist", "il figure sur une liste de blocage"},
		"unsynchronised":         {"its clock is not synchronised", "son horloge n’est pas synchronisée"},
		"error":                  {"the probe ends with an error", "la sonde se termine par une erreur"},
	}
	for reason, texts := range certificateReasons() {
		all[reason] = [2]string{"its certificate does not hold: " + texts[0], "son certificat n’est pas valable\u00a0: " + texts[1]}
	}
	return all
}
