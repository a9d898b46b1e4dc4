package zoneprobe

import "tocsin/internal/frame"

// What a look at a zone tells of its servers. The labels' values are bounded:
// 32 addresses of a zone's servers at most.
var (
	servers = &frame.Family{
		Name: "probe_zone_servers",
		Help: "How many name servers the zone has, by the parent's word and its own taken together.",
	}
	authoritative = &frame.Family{
		Name: "probe_zone_server_authoritative", Labels: []string{"server", "address"},
		Help: "Whether the server answers at this address, as an authority for the zone.",
	}
	serverProblem = &frame.Family{
		Name: "probe_zone_server_problem_info", Labels: []string{"server", "address", "problem"},
		Help: "What is wrong with a server: no_address, silent, unreachable, garbled, refuses, error or lame (it answers, but not as an authority).",
	}
	duration = &frame.Family{
		Name: "probe_zone_server_duration_seconds", Labels: []string{"server", "address"},
		Help: "How long the server took to answer.",
	}
	serial = &frame.Family{
		Name: "probe_zone_serial", Labels: []string{"server", "address"},
		Help: "The serial number of the zone that the server has.",
	}
	behind = &frame.Family{
		Name: "probe_zone_serial_behind", Labels: []string{"server", "address"},
		Help: "By how much the server's serial number is less than the newest one met (RFC 1982).",
	}
	distinct = &frame.Family{
		Name: "probe_zone_distinct_serials",
		Help: "How many different serial numbers the servers have; 1 is good, a little while after a change more are no fault.",
	}
)

// What parent and zone say of each other.
var (
	consistent = &frame.Family{
		Name: "probe_zone_delegation_consistent",
		Help: "Whether the parent and the zone name the same servers and addresses. Absent where the parent's word cannot be had.",
	}
	delegationProblem = &frame.Family{
		Name: "probe_zone_delegation_problem_info", Labels: []string{"server", "problem"},
		Help: "Where parent and zone disagree: parent_only, zone_only (who names the server), glue_missing, glue_differs (the parent's addresses of a server).",
	}
)

// What the signatures say.
var (
	dnssec = &frame.Family{
		Name: "probe_zone_dnssec_info", Labels: []string{"state"},
		Help: "Whether the zone is signed: unsigned, unchained (signed, but the parent has no DS record), chained, or unsupported (by algorithms that are not known here).",
	}
	valid = &frame.Family{
		Name: "probe_zone_dnssec_valid", Labels: []string{"server", "address"},
		Help: "Whether the server's keys fit the parent's DS records, and its signatures hold. Absent unless the state is chained.",
	}
	dnssecProblem = &frame.Family{
		Name: "probe_zone_dnssec_problem_info", Labels: []string{"server", "address", "problem"},
		Help: "What is wrong with a server's keys and signatures: no_key, ds_mismatch, no_signature, signature_expired, signature_not_yet_valid, signature_wrong.",
	}
	signatureExpiry = &frame.Family{
		Name: "probe_zone_signature_expiry_timestamp_seconds", Labels: []string{"server", "address"},
		Help: "When the first of the signatures of the zone's keys and of its SOA record ends, as the server has them. Absent unless the state is chained.",
	}
	caa = &frame.Family{
		Name: "probe_zone_caa_records",
		Help: "How many CAA records, which say who may issue certificates, stand at the zone's own name.",
	}
)

// Families lists what a look at a zone sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{
		servers, authoritative, serverProblem, duration, serial, behind, distinct,
		consistent, delegationProblem, dnssec, valid, dnssecProblem, signatureExpiry, caa,
	}
}
