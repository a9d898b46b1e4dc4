package ntpprobe

import (
	"errors"
	"fmt"

	"github.com/beevik/ntp"

	"tocsin/probes/probe"
)

// unsynchronised is the lowest stratum that says that a clock follows nothing
// (RFC 5905, figure 11).
const unsynchronised = 16

// codes are the kiss codes of RFC 5905, section 7.4, in words.
var codes = map[string]string{
	"ACST": "the association belongs to a unicast server",
	"AUTH": "the server could not authenticate us",
	"AUTO": "its Autokey sequence failed",
	"BCST": "the association belongs to a broadcast server",
	"CRYP": "it could not authenticate or identify us",
	"DENY": "the server does not serve us",
	"DROP": "the server has lost its peer",
	"RSTR": "the server's policy does not let us ask",
	"INIT": "the server has just started, and knows no time yet",
	"MCST": "the association belongs to a server of a multicast group",
	"NKEY": "it has no key for us",
	"NTSN": "our NTS cookie is none of its own",
	"RATE": "we ask too often",
	"RMOT": "its association was tampered with from afar",
	"STEP": "its clock was just set, and is not synchronised yet",
}

// knownCode is a kiss code as a label says it.
func knownCode(code string) string {
	if _, ok := codes[code]; ok {
		return code
	}
	return "other"
}

// judge says whether the time of an answer may be relied on.
func judge(a *ntp.Response) error {
	switch {
	case a.IsKissOfDeath() && a.KissCode != "":
		return judgeKiss(a.KissCode)
	case a.Stratum == 0: // how stratum 16 is sent, by chrony for one (RFC 5905, section 7.3)
		return unsettled("the server's clock follows no other")
	case a.Stratum >= unsynchronised:
		return unsettled(fmt.Sprintf("the server's clock follows no other (stratum %d)", a.Stratum))
	case a.Leap == ntp.LeapNotInSync:
		return unsettled("the server says that its clock is not synchronised (leap indicator 3)")
	}
	switch err := a.Validate(); {
	case err == nil:
		return nil
	case errors.Is(err, ntp.ErrServerClockFreshness):
		return unsettled("the server's clock was last set at " + a.ReferenceTime.UTC().Format("2006-01-02 15:04:05 UTC") + ", more than 36 hours ago")
	case errors.Is(err, ntp.ErrInvalidDispersion):
		return unsettled(fmt.Sprintf("the server's clock may be wrong by %s, by its own word", span(a.RootDelay/2+a.RootDispersion)))
	default:
		return probe.Fail(probe.Protocol, probe.PhaseTransfer, fmt.Errorf("the answer contradicts itself: %w", err))
	}
}

func unsettled(text string) error {
	return probe.Fail(probe.Unsynchronised, probe.PhaseTransfer, errors.New(text))
}

// judgeKiss says what a kiss of death means. One that says that we ask too
// often tells nothing of the clock.
func judgeKiss(code string) error {
	text, known := codes[code]
	if !known {
		text = "this code is not known"
	}
	err := fmt.Errorf("the server sends a kiss of death, %s: %s", code, text)
	switch code {
	case "RATE":
		return &probe.Unmeasured{Err: err}
	case "INIT", "STEP", "DROP":
		return probe.Fail(probe.Unsynchronised, probe.PhaseTransfer, err)
	default:
		return probe.Fail(probe.Status, probe.PhaseTransfer, err)
	}
}
