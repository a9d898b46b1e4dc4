package ipsec

import (
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

// The names, types and labels of ipsec_exporter (sergeymakinen, README.md and
// exporter.go), for strongSwan. All are gauges there.
var (
	ikeLabels   = []string{"name", "uid", "version", "local_host", "local_id", "remote_host", "remote_id", "remote_identity", "vips"}
	childLabels = []string{
		"ike_sa_name", "ike_sa_uid", "ike_sa_version", "ike_sa_local_host", "ike_sa_local_id", "ike_sa_remote_host", "ike_sa_remote_id",
		"ike_sa_remote_identity", "ike_sa_vips", "name", "uid", "reqid", "mode", "protocol", "local_ts", "remote_ts",
	}
	ikeState       = &frame.Family{Name: "ipsec_ike_sa_state", Labels: ikeLabels, Help: "State of an IKE association, as a number: 2 is established."}
	ikeEstablished = &frame.Family{Name: "ipsec_ike_sa_established_seconds", Labels: ikeLabels, Help: "Seconds since the IKE association was established."}
	childState     = childFamily("state", "State of an association, as a number: 3 is installed.")
	childNumbers   = []struct {
		key    string
		family *frame.Family
	}{
		{"bytes-in", childFamily("bytes_in", "Bytes received by the association.")},
		{"bytes-out", childFamily("bytes_out", "Bytes sent by the association.")},
		{"packets-in", childFamily("packets_in", "Packets received by the association.")},
		{"packets-out", childFamily("packets_out", "Packets sent by the association.")},
		{"install-time", childFamily("installed_seconds", "Seconds since the association was installed.")},
	}
)

// What the states are as numbers: their order in strongSwan
// (src/libcharon/sa/ike_sa.h and child_sa.h).
var (
	ikeStates   = []string{"CREATED", "CONNECTING", "ESTABLISHED", "PASSIVE", "REKEYING", "REKEYED", "DELETING", "DESTROYING"}
	childStates = []string{"CREATED", "ROUTED", "INSTALLING", "INSTALLED", "UPDATING", "REKEYING", "REKEYED", "RETRYING", "DELETING", "DELETED", "DESTROYING"}
)

func childFamily(name, help string) *frame.Family {
	return &frame.Family{Name: "ipsec_child_sa_" + name, Labels: childLabels, Help: help}
}

func associationFamilies() []*frame.Family {
	all := []*frame.Family{ikeState, ikeEstablished, childState}
	for _, n := range childNumbers {
		all = append(all, n.family)
	}
	return all
}

// association is an IKE association, with those below it.
type association named

// sendAssociations sends them one by one.
func sendAssociations(s *frame.Sink, all []association) error {
	told := 0
	for _, a := range all {
		if told++; told > maxTunnels {
			break
		}
		v := a.values
		ike := []string{
			a.name, v["uniqueid"], v["version"], v["local-host"], v["local-id"], v["remote-host"], v["remote-id"],
			v["remote-xauth-id"] + v["remote-eap-id"], strings.Join(append(a.lists["local-vips"], a.lists["remote-vips"]...), ", "),
		}
		sendState(s, ikeState, ikeStates, v["state"], ike)
		if n, err := strconv.ParseUint(v["established"], 10, 64); err == nil && v["state"] == "ESTABLISHED" {
			s.Send(ikeEstablished, float64(n), labels(ike)...)
		}
		for _, child := range a.find("child-sas").sections {
			if told++; told > maxTunnels {
				break
			}
			v := child.values
			values := append(ike[:len(ike):len(ike)], v["name"], v["uniqueid"], v["reqid"], v["mode"], v["protocol"],
				strings.Join(child.lists["local-ts"], ", "), strings.Join(child.lists["remote-ts"], ", "))
			sendState(s, childState, childStates, v["state"], values)
			for _, n := range childNumbers {
				if number, err := strconv.ParseUint(v[n.key], 10, 64); err == nil {
					s.Send(n.family, float64(number), labels(values)...)
				}
			}
		}
	}
	if told > maxTunnels {
		return fmt.Errorf("more than %d associations; those are told", maxTunnels)
	}
	return nil
}

// sendState sends a state as its number; one that is not known is not told.
func sendState(s *frame.Sink, f *frame.Family, states []string, state string, values []string) {
	for i, one := range states {
		if one == state {
			s.Send(f, float64(i), labels(values)...)
		}
	}
}

// labels makes texts fit for labels.
func labels(values []string) []string {
	fit := make([]string, len(values))
	for i, v := range values {
		fit[i] = label(v)
	}
	return fit
}
