package zoneprobe

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What is wrong with keys and signatures: the values of the label problem.
const (
	noKey       = "no_key"
	dsMismatch  = "ds_mismatch"
	noSignature = "no_signature"
	expired     = "signature_expired"
	notYetValid = "signature_not_yet_valid"
	wrong       = "signature_wrong"
)

// Bounds of what a zone makes us compute (compare CVE-2023-50387, "KeyTrap").
const (
	maxKeys  = 16 // keys of a zone, and DS records
	maxTries = 32 // signatures verified for one set of records
)

// A signature is what became of a server's keys and signatures.
type signature struct {
	problem string // empty when they hold
	text    string // the problem in words
	expiry  time.Time
}

// supported tells whether the chain from a DS record on can be followed here.
func supported(ds *dns.DS) bool {
	switch ds.DigestType {
	case dns.SHA1, dns.SHA256, dns.SHA384:
	default:
		return false
	}
	switch ds.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	default:
		return false
	}
}

// verify follows the chain from the parent's DS records to the zone's keys and
// its SOA record. One good path is enough (RFC 6840, section 5.11).
func verify(zone string, ds []*dns.DS, keyRRs, soaRRs []dns.RR, now time.Time) signature {
	var keys, trusted []*dns.DNSKEY
	for _, rr := range keyRRs {
		if k, ok := rr.(*dns.DNSKEY); ok && owns(rr, zone) && k.Flags&dns.ZONE != 0 && k.Protocol == 3 && len(keys) < maxKeys {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return signature{problem: noKey, text: "the parent has a DS record, and the zone no key"}
	}
	for _, k := range keys {
		for _, d := range ds {
			if fits(k, d) {
				trusted = append(trusted, k)
				break
			}
		}
	}
	if len(trusted) == 0 {
		return signature{problem: dsMismatch, text: "none of the zone's keys is the one that the parent's DS record stands for"}
	}
	ofKeys := verifySet(zone, dns.TypeDNSKEY, keyRRs, trusted, now)
	ofSOA := verifySet(zone, dns.TypeSOA, soaRRs, keys, now)
	if ofKeys.problem == "" {
		ofKeys.problem, ofKeys.text = ofSOA.problem, ofSOA.text
	}
	if ofKeys.expiry.IsZero() || !ofSOA.expiry.IsZero() && ofSOA.expiry.Before(ofKeys.expiry) {
		ofKeys.expiry = ofSOA.expiry
	}
	return ofKeys
}

// fits tells whether a DS record stands for a key.
func fits(k *dns.DNSKEY, ds *dns.DS) bool {
	if k.Algorithm != ds.Algorithm || !supported(ds) || k.KeyTag() != ds.KeyTag {
		return false
	}
	made := k.ToDS(ds.DigestType)
	return made != nil && strings.EqualFold(made.Digest, ds.Digest)
}

// verifySet looks for a signature of one set of records that one of the keys
// has made, and that holds now. The expiry is that of the signature that lasts
// longest among those which a key has made, or else among all.
func verifySet(zone string, typ uint16, records []dns.RR, keys []*dns.DNSKEY, now time.Time) signature {
	var set []dns.RR
	var signatures []*dns.RRSIG
	for _, rr := range records {
		if s, ok := rr.(*dns.RRSIG); ok && s.TypeCovered == typ && owns(rr, zone) && strings.EqualFold(s.SignerName, zone) {
			signatures = append(signatures, s)
		} else if rr.Header().Rrtype == typ && owns(rr, zone) {
			set = append(set, rr)
		}
	}
	of := " of the " + dns.TypeToString[typ] + " record"
	best := signature{problem: noSignature, text: "there is no signature" + of}
	var claimed time.Time
	tries := 0
	for _, s := range signatures {
		end := moment(s.Expiration, now)
		if end.After(claimed) {
			claimed = end
		}
		if best.problem == noSignature {
			best = signature{problem: wrong, text: "no key of the zone has made the signature" + of}
		}
		for _, k := range keys {
			if k.KeyTag() != s.KeyTag || k.Algorithm != s.Algorithm || tries == maxTries {
				continue
			}
			tries++
			if s.Verify(k, set) == nil {
				best = better(best, judgePeriod(s, of, now))
				break
			}
		}
	}
	if best.expiry.IsZero() {
		best.expiry = claimed
	}
	return best
}

// better returns the signature that holds, or else the one that lasts longer.
func better(a, b signature) signature {
	switch {
	case a.problem == "" && b.problem != "":
		return a
	case b.problem == "" && a.problem != "", b.expiry.After(a.expiry):
		return b
	default:
		return a
	}
}

// judgePeriod says whether a signature that a key has made holds now.
func judgePeriod(s *dns.RRSIG, of string, now time.Time) signature {
	begin, end := moment(s.Inception, now), moment(s.Expiration, now)
	found := signature{expiry: end}
	switch {
	case now.After(end):
		found.problem, found.text = expired, fmt.Sprintf("the signature%s ended on %s", of, end.UTC().Format("2006-01-02 15:04 UTC"))
	case now.Before(begin):
		found.problem, found.text = notYetValid, fmt.Sprintf("the signature%s holds from %s on only", of, begin.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return found
}

// moment reads a time of a signature: seconds modulo 2^32, near to now (RFC
// 4034, section 3.1.5).
func moment(seconds uint32, now time.Time) time.Time {
	return time.Unix(now.Unix()+int64(int32(seconds-uint32(now.Unix()))), 0)
}
