package maildns

import (
	"errors"
	"fmt"
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

// parseDMARC reads a policy. Its error says what is none.
func parseDMARC(text string) (*dmarc, error) {
	list, err := tags(text)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0] != (tag{"v", "DMARC1"}) {
		return nil, errors.New("v=DMARC1 must come first")
	}
	d := &dmarc{percent: 100}
	policy, ok := find(list, "p")
	if !ok {
		return nil, errors.New("it has no p=, which says what to do: none, quarantine or reject")
	}
	d.policy, d.subdomains = strings.ToLower(policy), strings.ToLower(policy)
	if sp, ok := find(list, "sp"); ok {
		d.subdomains = strings.ToLower(sp)
	}
	for name, p := range map[string]string{"p": d.policy, "sp": d.subdomains} {
		if !slices.Contains([]string{"none", "quarantine", "reject"}, p) {
			return nil, fmt.Errorf("%s=%s is no policy; there are none, quarantine and reject", name, p)
		}
	}
	for _, name := range []string{"adkim", "aspf"} {
		if v, ok := find(list, name); ok && !strings.EqualFold(v, "r") && !strings.EqualFold(v, "s") {
			return nil, fmt.Errorf("%s=%s must be r or s", name, v)
		}
	}
	if pct, ok := find(list, "pct"); ok {
		n, err := strconv.ParseUint(pct, 10, 8)
		if err != nil || n > 100 {
			return nil, fmt.Errorf("pct=%s is no number from 0 to 100", pct)
		}
		d.percent = int(n)
	}
	if ri, ok := find(list, "ri"); ok {
		if _, err := strconv.ParseUint(ri, 10, 32); err != nil {
			return nil, fmt.Errorf("ri=%s is no number of seconds", ri)
		}
	}
	for _, name := range []string{"rua", "ruf"} {
		v, ok := find(list, name)
		if !ok {
			continue
		}
		if err := addresses(v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		d.reports = d.reports || name == "rua"
	}
	return d, nil
}

// sized matches the largest report that an address takes, behind it.
var sized = lazy.Regexp(`![0-9]+[kmgtKMGT]?$`)

// addresses looks at where reports are to be sent.
func addresses(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		text = sized().ReplaceAllString(strings.TrimSpace(text), "")
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme == "":
			return fmt.Errorf("%q is no address for reports, as mailto:dmarc@ville.example is", text)
		case strings.EqualFold(u.Scheme, "mailto") && !strings.Contains(strings.Trim(u.Opaque, "@"), "@"):
			return fmt.Errorf("behind mailto: there is no mail address in %q", text)
		}
	}
	return nil
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
