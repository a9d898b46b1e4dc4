package maildns

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/lazy"
)

// dmarc is a policy taken apart. Source: RFC 7489, section 6.3.
type dmarc struct {
	policy, subdomains string // none, quarantine or reject
	percent            int
	reports            bool // somebody is told what receivers see
}

const dmarcVersion = "v=DMARC1"

// parseDMARC reads a policy. Its error says all that is wrong with it.
func parseDMARC(text string) (*dmarc, error) {
	var wrong faults
	list, err := tags(text)
	wrong.add(err)
	if len(list) == 0 || list[0] != (tag{"v", "DMARC1"}) {
		wrong.addf("v=DMARC1 must come first")
	}
	d := &dmarc{percent: 100}
	if policy, ok := find(list, "p"); ok {
		d.policy = policyOf("p", policy, &wrong)
	} else {
		wrong.addf(`it has no p=, which says what to do: "none", "quarantine" or "reject"`)
	}
	d.subdomains = d.policy
	if sp, ok := find(list, "sp"); ok {
		d.subdomains = policyOf("sp", sp, &wrong)
	}
	for _, name := range []string{"adkim", "aspf"} {
		if v, ok := find(list, name); ok && !strings.EqualFold(v, "r") && !strings.EqualFold(v, "s") {
			wrong.addf("%s=%s must be r or s", name, v)
		}
	}
	if pct, ok := find(list, "pct"); ok {
		n, err := strconv.ParseUint(pct, 10, 8)
		if err != nil || n > 100 {
			wrong.addf("pct=%s is no number from 0 to 100", pct)
		}
		d.percent = int(n)
	}
	if ri, ok := find(list, "ri"); ok {
		if _, err := strconv.ParseUint(ri, 10, 32); err != nil {
			wrong.addf("ri=%s is no number of seconds", ri)
		}
	}
	for _, name := range []string{"rua", "ruf"} {
		v, ok := find(list, name)
		if !ok {
			continue
		}
		if err := addresses(v); err != nil {
			wrong.addf("%s: %v", name, err)
		}
		d.reports = d.reports || name == "rua"
	}
	return d, wrong.err()
}

// policyOf reads what a tag has receivers do.
func policyOf(name, written string, wrong *faults) string {
	policy := strings.ToLower(written)
	if !slices.Contains([]string{"none", "quarantine", "reject"}, policy) {
		wrong.addf(`%s=%s is no policy; it must be "none", "quarantine" or "reject"`, name, written)
	}
	return policy
}

// sized matches the largest report that an address takes, behind it.
var sized = lazy.Regexp(`![0-9]+[kmgtKMGT]?$`)

// addresses looks at where reports are to be sent.
func addresses(list string) error {
	var wrong faults
	for text := range strings.SplitSeq(list, ",") {
		text = sized().ReplaceAllString(strings.TrimSpace(text), "")
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme == "":
			wrong.addf("%q is no address for reports, as mailto:dmarc@ville.example is", text)
		case strings.EqualFold(u.Scheme, "mailto") && !strings.Contains(strings.Trim(u.Opaque, "@"), "@"):
			wrong.addf("behind mailto: there is no mail address in %q", text)
		}
	}
	return wrong.err()
}

var stsID = lazy.Regexp(`^[A-Za-z0-9]{1,32}$`)

// parseSTS looks at the record that says that there is an MTA-STS policy.
// Source: RFC 8461, section 3.1.
func parseSTS(text string) error {
	list, err := tags(text)
	if err != nil {
		return err
	}
	if id, _ := find(list, "id"); !stsID().MatchString(id) {
		return errors.New("id= must be 1 to 32 letters and digits")
	}
	return nil
}

// parseTLSRPT looks at the record that says where reports about TLS are sent.
// Source: RFC 8460, section 3.
func parseTLSRPT(text string) error {
	list, err := tags(text)
	if err != nil {
		return err
	}
	rua, ok := find(list, "rua")
	if !ok {
		return errors.New("it has no rua=, where reports are to be sent")
	}
	return addresses(rua)
}
