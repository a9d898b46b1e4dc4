package maildns

import "tocsin/internal/frame"

// A Problem is what is wrong with a record. The list is closed: it is the value
// of the label problem.
type Problem string

// What is wrong with a record.
const (
	Missing     Problem = "missing"
	Several     Problem = "several"
	Syntax      Problem = "syntax"
	NoMail      Problem = "no_mail"
	NoDomain    Problem = "no_domain"
	Unresolved  Problem = "unresolved"
	Partly      Problem = "partly_unresolved"
	Lookups     Problem = "too_many_lookups"
	VoidLookups Problem = "too_many_void_lookups"
	AllowsAll   Problem = "allows_all"
	Revoked     Problem = "revoked"
	WeakKey     Problem = "weak_key"
)

// Meaning explains the problem in a few words.
func (p Problem) Meaning() string {
	switch p {
	case Missing:
		return "there is no record"
	case Several:
		return "there are several records where one must be: receivers take none of them"
	case Syntax:
		return "the record cannot be read"
	case NoMail:
		return "it says that the domain takes no mail"
	case NoDomain:
		return "the domain does not exist in the DNS"
	case Partly:
		return "some of the servers lead nowhere, others take the mail"
	case Unresolved:
		return "a name in it leads nowhere"
	case Lookups:
		return "to evaluate it takes more than the 10 look-ups that receivers make"
	case VoidLookups:
		return "more than 2 look-ups lead nowhere: receivers give up"
	case AllowsAll:
		return "it lets everybody send in the name of the domain"
	case Revoked:
		return "the key is revoked (p= is empty)"
	default:
		return "the key is too short: receivers do not take it"
	}
}

// Our own. The labels' values are bounded: record and problem are closed
// lists, selector is one of those that the site file names, and empty for all
// records but dkim; host is one of maxHosts at most.
var (
	present = &frame.Family{
		Name: "probe_maildns_record_present", Labels: []string{"record", "selector"},
		Help: "Whether the domain has the record (mx, spf, dkim, dmarc, mta_sts, tls_rpt); absent when no name server could say.",
	}
	problemInfo = &frame.Family{
		Name: "probe_maildns_problem_info", Labels: []string{"record", "selector", "problem"},
		Help: "What is wrong with a record: each record and each thing.",
	}
	mxHosts = &frame.Family{
		Name: "probe_maildns_mx_hosts",
		Help: "How many servers take mail for the domain, as its MX records say.",
	}
	mxResolved = &frame.Family{
		Name: "probe_maildns_mx_resolved", Labels: []string{"host"},
		Help: "Whether a server that an MX record names has an address; of the first 20.",
	}
	spfLookups = &frame.Family{
		Name: "probe_maildns_spf_lookups",
		Help: "How many look-ups it takes at most to evaluate the SPF record, those of all records that it includes counted; receivers make 10.",
	}
	spfAll = &frame.Family{
		Name: "probe_maildns_spf_all_info", Labels: []string{"result"},
		Help: "What the SPF record says of servers that it does not name: fail, softfail, neutral, pass, or none where it says nothing.",
	}
	dkimBits = &frame.Family{
		Name: "probe_maildns_dkim_key_size", Labels: []string{"selector", "algorithm"},
		Help: "Length of the key of a selector (rsa or ed25519) in bits, as people give it; 0 when it is revoked.",
	}
	dkimTesting = &frame.Family{
		Name: "probe_maildns_dkim_testing", Labels: []string{"selector"},
		Help: "Whether the key of a selector is marked as a test (t=y): receivers may treat what it signs as not signed.",
	}
	dmarcPolicy = &frame.Family{
		Name: "probe_maildns_dmarc_policy_info", Labels: []string{"policy", "subdomain_policy"},
		Help: "What DMARC has receivers do with mail that is not the domain's: none, quarantine or reject.",
	}
	dmarcPercent = &frame.Family{
		Name: "probe_maildns_dmarc_percent",
		Help: "How many of a hundred such messages the policy of DMARC is for.",
	}
	dmarcReports = &frame.Family{
		Name: "probe_maildns_dmarc_reports",
		Help: "Whether DMARC names an address that receivers report to.",
	}
)

// Families lists what a look at a domain's mail records sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{
		present, problemInfo, mxHosts, mxResolved, spfLookups, spfAll, dkimBits, dkimTesting, dmarcPolicy, dmarcPercent, dmarcReports,
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
