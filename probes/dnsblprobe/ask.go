package dnsblprobe

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// maxCodes bounds how many codes of one list are told for one address.
const maxCodes = 8

// A verdict is what a list says of one address.
type verdict struct {
	codes  []string // of the answer, as 127.0.0.2; none: not listed
	reason string   // in the list's words
	refuse string   // why the answer is none; empty when it counts
	lacks  bool     // the list has no addresses of this family
}

// reversed is an address as a list's names begin (RFC 5782, sections 2.1 and 2.4).
func reversed(a netip.Addr) string {
	var labels []string
	if a.Is4() {
		for _, b := range a.AsSlice() {
			labels = append(labels, fmt.Sprint(b))
		}
	} else {
		labels = strings.Split(hex.EncodeToString(a.AsSlice()), "")
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

// ask asks one list about one address. Its error is probe.Unmeasured.
func (p *Prober) ask(ctx context.Context, list string, a netip.Addr) (verdict, error) {
	name := reversed(a) + "." + list + "."
	answer, err := p.resolver.Lookup(ctx, nameserver.Question{Name: name, Type: dns.TypeA})
	if err != nil {
		return verdict{}, err
	}
	v := read(answer)
	if len(v.codes) > 0 && v.refuse == "" {
		if text, err := p.resolver.Lookup(ctx, nameserver.Question{Name: name, Type: dns.TypeTXT}); err == nil {
			v.reason = words(text)
		}
	}
	return v, nil
}

// read judges the answer to a question about an address. What lists answer in
// place of a verdict is no listing.
func read(answer *dns.Msg) verdict {
	var v verdict
	for _, rr := range answer.Answer {
		a, ok := nameserver.AddressOf(rr)
		if !ok || !a.Is4() {
			continue
		}
		if v.refuse = refusal(a); v.refuse != "" {
			v.codes = nil
			return v
		}
		if code := a.String(); !slices.Contains(v.codes, code) && len(v.codes) < maxCodes {
			v.codes = append(v.codes, code)
		}
	}
	slices.Sort(v.codes)
	return v
}

// refusal says what an address in an answer means when it is no listing.
func refusal(a netip.Addr) string {
	b := a.As4()
	switch {
	case b == [4]byte{127, 255, 255, 252}: // Spamhaus' list of return codes
		return "the list's name is not written right"
	case b == [4]byte{127, 255, 255, 254}:
		return "the list refuses public resolvers, and is asked by one; write resolvers"
	case b == [4]byte{127, 255, 255, 255}:
		return "the list wants to be asked less often"
	case b[0] == 127 && b[1] == 255:
		return "the list answers with the error " + a.String()
	case b == [4]byte{127, 0, 0, 1}: // RFC 5782, section 5, forbids it as a listing; URIBL refuses by it
		return "the list refuses this resolver"
	case b[0] != 127:
		return "the list answers with an address of the internet, so it is none any more"
	}
	return ""
}

// words joins the texts that a list gives for its listing.
func words(answer *dns.Msg) string {
	var texts []string
	for _, rr := range answer.Answer {
		if txt, ok := rr.(*dns.TXT); ok && len(texts) < 3 {
			texts = append(texts, strings.Join(txt.Txt, ""))
		}
	}
	return strings.Join(texts, "; ")
}

// The addresses by which a list is known to live (RFC 5782, section 5): every
// list has the first of a family, and none the second.
var (
	always = map[bool]netip.Addr{true: netip.MustParseAddr("127.0.0.2"), false: netip.MustParseAddr("::ffff:7f00:2")}
	never  = map[bool]netip.Addr{true: netip.MustParseAddr("127.0.0.1"), false: netip.MustParseAddr("::ffff:7f00:1")}
)

// lives tells whether a list can be relied on for a family: if not, its verdict
// says why.
func (p *Prober) lives(ctx context.Context, list string, four bool) verdict {
	v, err := p.ask(ctx, list, always[four])
	switch {
	case err != nil:
		return verdict{refuse: plain(err)}
	case v.refuse != "":
		return verdict{refuse: v.refuse}
	case len(v.codes) == 0 && four:
		return verdict{refuse: "the list does not even have its test entry (127.0.0.2): it has died, or refuses this resolver"}
	case len(v.codes) == 0:
		return verdict{lacks: true}
	}
	switch v, err = p.ask(ctx, list, never[four]); {
	case err != nil:
		return verdict{refuse: plain(err)}
	case len(v.codes) > 0 || v.refuse != "":
		return verdict{refuse: "the list has every address, so it has died"}
	}
	return verdict{}
}

// plain is an error without the remark that nothing was measured, which the
// finding says already.
func plain(err error) string {
	if ours, ok := errors.AsType[*probe.Unmeasured](err); ok {
		return ours.Err.Error()
	}
	return err.Error()
}
