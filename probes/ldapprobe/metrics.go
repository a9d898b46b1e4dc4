package ldapprobe

import (
	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// The operations, values of the label operation.
const (
	opBind      = "bind"
	opRoot      = "root"
	opSearch    = "search"
	opPlaintext = "plaintext_bind"
)

// Our own: nobody's names for a directory seen from outside are widespread.
var (
	duration = &frame.Family{
		Name: "probe_ldap_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the look by phase (resolve, connect, tls, bind, search).",
	}
	resultInfo = &frame.Family{
		Name: "probe_ldap_result_info", Labels: []string{"operation", "result"},
		Help: "What the server answered to each operation (bind; root: what it tells of itself; search; plaintext_bind), by RFC 4511's names, as invalidCredentials.",
	}
	entries = &frame.Family{
		Name: "probe_ldap_search_entries",
		Help: "How many entries the search found; no more than 1000, or entries, are asked for. Absent without base.",
	}
	namingContext = &frame.Family{
		Name: "probe_ldap_naming_context_info", Labels: []string{"context"},
		Help: "The bases that the server says it holds, the first 32.",
	}
	plaintextAccepted = &frame.Family{
		Name: "probe_ldap_plaintext_bind_accepted",
		Help: "Whether the server looked at a password that was sent without TLS. Absent where it was not tried.",
	}
)

// Families lists what an LDAP probe may send of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, resultInfo, entries, namingContext, plaintextAccepted}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// times sends how long each phase took.
func (l *look) times() {
	phases := l.result.Hops[0].Phases
	l.result.Send(duration, phases[probe.PhaseResolve].Seconds(), "resolve")
	l.result.Send(duration, phases[probe.PhaseConnect].Seconds(), "connect")
	l.result.Send(duration, phases[probe.PhaseTLS].Seconds(), "tls")
	l.result.Send(duration, l.binding.Seconds(), opBind)
	l.result.Send(duration, l.searching.Seconds(), opSearch)
}
