package elsewhere

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"tocsin/probes"
	"tocsin/probes/probe"
)

// How much of an account is taken from another instance.
const (
	maxSteps        = 200
	maxServers      = 20
	maxCertificates = 20
	maxProblems     = 10
	maxNames        = 30
)

// Answer writes what one instance tells another of a look: the account, and the
// page of metrics in the text format.
func Answer(r *probes.Result, page string) ([]byte, error) {
	return json.Marshal(struct {
		Look *probes.Result `json:"look"`
		Page string         `json:"page"`
	}{r, page})
}

// answer is the same as it is read.
type answer struct {
	Look look   `json:"look"`
	Page string `json:"page"`
}

// look is the account: what is shown of a Result's own JSON.
type look struct {
	Target   string       `json:"target"`
	Start    time.Time    `json:"start"`
	Duration float64      `json:"duration_seconds"`
	Success  bool         `json:"success"`
	Reason   probe.Reason `json:"reason"`
	Phase    probe.Phase  `json:"phase"`
	Error    string       `json:"error"`
	Faults   []string     `json:"faults"`
	Steps    []step       `json:"steps"`
	Servers  []server     `json:"hops"`
}

// server is one server on the way, and what it showed of itself.
type server struct {
	URL     string `json:"url"`
	Address string `json:"address"`
	TLS     *struct {
		ServerName   string              `json:"server_name"`
		Version      string              `json:"version"`
		Cipher       string              `json:"cipher"`
		ChainExpiry  *time.Time          `json:"chain_expiry"`
		Problems     []probe.Problem     `json:"problems"`
		Certificates []probe.Certificate `json:"certificates"`
	} `json:"tls"`
}

type step struct {
	probe.Step
	Offset   float64 `json:"offset_seconds"`
	Duration float64 `json:"duration_seconds"`
}

// result is the look as this instance keeps it, bounded: another instance is
// believed no more than a network is. A failure always has a reason of the
// closed list, and its time is ours.
func (t *look) result() probes.Result {
	r := probes.Result{
		Target: cut(t.Target), Duration: seconds(t.Duration), Start: time.Now().Add(-seconds(t.Duration)),
		Success: t.Success, Phase: t.Phase,
	}
	if !slices.Contains(probe.Phases(), r.Phase) {
		r.Phase = ""
	}
	if !t.Success {
		if r.Reason = t.Reason; !slices.Contains(probe.Reasons(), r.Reason) {
			r.Reason = probe.Other
		}
		r.Err = errors.New(cut(t.Error))
	}
	for _, fault := range t.Faults[:min(len(t.Faults), maxProblems)] {
		r.Faults = append(r.Faults, cut(fault))
	}
	for _, s := range t.Steps[:min(len(t.Steps), maxSteps)] {
		s.Step.Text, s.Step.Offset, s.Step.Duration = cut(s.Text), seconds(s.Offset), seconds(s.Duration)
		if s.Step.Phase != "" && !slices.Contains(probe.Phases(), s.Step.Phase) {
			continue
		}
		r.Steps = append(r.Steps, s.Step)
	}
	for i := range t.Servers[:min(len(t.Servers), maxServers)] {
		r.Hops = append(r.Hops, t.Servers[i].hop())
	}
	return r
}

// hop is the server as this instance keeps it.
func (s *server) hop() probe.Hop {
	h := probe.Hop{URL: cut(s.URL)}
	if u, err := url.Parse(s.URL); err == nil {
		h.Host = cut(u.Hostname())
	}
	h.Address, _ = netip.ParseAddrPort(s.Address)
	if s.TLS == nil || len(s.TLS.Certificates) == 0 {
		return h
	}
	h.Told = &probe.Handshake{ServerName: cut(s.TLS.ServerName), Version: cut(s.TLS.Version), Cipher: cut(s.TLS.Cipher), ChainExpiry: s.TLS.ChainExpiry}
	for _, p := range s.TLS.Problems[:min(len(s.TLS.Problems), maxProblems)] {
		if slices.Contains(probe.Reasons(), p.Reason) {
			h.Told.Problems = append(h.Told.Problems, probe.Problem{Reason: p.Reason, Text: cut(p.Text)})
		}
	}
	h.Told.Verified = len(h.Told.Problems) == 0
	for _, c := range s.TLS.Certificates[:min(len(s.TLS.Certificates), maxCertificates)] {
		one := probe.Certificate{
			Subject: cut(c.Subject), Issuer: cut(c.Issuer), Serial: cut(c.Serial), SHA256: cut(c.SHA256),
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, Key: cut(c.Key), SignedBy: cut(c.SignedBy), IsAuthority: c.IsAuthority,
		}
		for _, name := range c.Names[:min(len(c.Names), maxNames)] {
			one.Names = append(one.Names, cut(name))
		}
		h.Told.Certificates = append(h.Told.Certificates, one)
	}
	return h
}

func seconds(s float64) time.Duration {
	if math.IsNaN(s) || s < 0 || s > time.Hour.Seconds() {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

func cut(s string) string { return (*probe.Redactor)(nil).Text(s) }
