package probes

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// What a probe with ip_version: both tells beside the rest. The label
// ip_version is 4 or 6. The names that blackbox_exporter has keep their labels:
// they tell of one look, the one that a user of both families gets.
var (
	versionAddresses = &frame.Family{
		Name: "probe_ip_version_addresses", Labels: []string{"ip_version"},
		Help: "How many addresses of each IP version the target's name has; with none there is nothing to look at, which is no fault.",
	}
	versionSuccess = &frame.Family{
		Name: "probe_ip_version_success", Labels: []string{"ip_version"},
		Help: "Whether the service is as it should be over each IP version by itself; absent where the name has no address of it.",
	}
	versionDuration = &frame.Family{
		Name: "probe_ip_version_duration_seconds", Labels: []string{"ip_version"},
		Help: "How long the look over each IP version took.",
	}
	versionFailure = &frame.Family{
		Name: "probe_ip_version_failure_info", Labels: []string{"ip_version", "reason"},
		Help: "Why the look over an IP version failed; absent when it did not.",
	}
)

func versionFamilies() []*frame.Family {
	return []*frame.Family{versionAddresses, versionSuccess, versionDuration, versionFailure}
}

// families looks over IPv6 and over IPv4 side by side, each by itself. It
// implements probe.Prober. Its result is that of the look which a user of both
// gets: IPv6's where that works, else IPv4's.
type families struct {
	host   string
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	own    []*frame.Family
	six    probe.Prober
	four   probe.Prober
}

// newFamilies makes the prober of an entry that has been validated.
func newFamilies(c *Config, o *Options, e *protocol.Entry) (probe.Prober, error) {
	f := &families{host: e.Host(), lookup: o.Lookup}
	if f.lookup == nil {
		f.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	for version, into := range map[IPVersion]*probe.Prober{4: &f.four, 6: &f.six} {
		one := *c
		one.IPVersion = version
		prober, err := one.build(o)
		if err != nil {
			return nil, err
		}
		*into = prober
	}
	f.own = append(slices.Clone(f.four.Families()), versionFamilies()...)
	return f, nil
}

// Families implements probe.Prober.
func (f *families) Families() []*frame.Family { return f.own }

// Probe implements probe.Prober.
func (f *families) Probe(ctx context.Context) probe.Result {
	began := time.Now()
	found, err := f.lookup(ctx, f.host)
	var six, four []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	if err != nil || len(six)+len(four) == 0 {
		// The look by itself says best what is wrong with the name.
		r := f.four.Probe(ctx)
		if err == nil {
			tell(&r, 4, 0)
			tell(&r, 6, 0)
		}
		return r
	}
	var over4, over6 probe.Result
	var wg sync.WaitGroup
	if len(four) > 0 {
		wg.Go(func() { over4 = f.four.Probe(ctx) })
	}
	if len(six) > 0 {
		wg.Go(func() { over6 = f.six.Probe(ctx) })
	}
	wg.Wait()

	shown, other := &over6, &over4
	version, otherVersion := 6, 4
	if len(six) == 0 || len(four) > 0 && !better(&over6, &over4) {
		shown, other, version, otherVersion = other, shown, otherVersion, version
	}
	counts := map[int]int{4: len(four), 6: len(six)}
	r := *shown
	r.Start, r.Steps, r.Faults = began, headed(shown, version), slices.Clone(shown.Faults)
	tell(&r, version, counts[version], shown)
	if counts[otherVersion] == 0 {
		tell(&r, otherVersion, 0)
		r.Step(0, "", time.Time{}, false, "over IPv"+strconv.Itoa(otherVersion)+": the name has no address, which is no fault")
		return r
	}
	tell(&r, otherVersion, counts[otherVersion], other)
	for _, s := range headed(other, otherVersion) {
		s.Offset += other.Start.Sub(began)
		r.Steps = append(r.Steps, s)
	}
	for _, text := range other.Faults {
		if !slices.Contains(r.Faults, text) {
			r.Fault("over IPv" + strconv.Itoa(otherVersion) + ": " + text)
		}
	}
	if text := other.Explain(); text != "" {
		r.Fault("over IPv" + strconv.Itoa(otherVersion) + " it is not up: " + text)
		r.Step(0, probe.PhaseTransfer, time.Time{}, true, text)
	}
	return r
}

// better tells whether a user gets the first look: it works, or neither does
// and it is known at least what is wrong.
func better(first, second *probe.Result) bool {
	switch {
	case first.Unmeasured != nil:
		return false
	case second.Unmeasured != nil:
		return true
	}
	return first.Success || !second.Success
}

// headed are the steps of a look over one IP version under its name.
func headed(r *probe.Result, version int) []probe.Step {
	return append([]probe.Step{{Text: "over IPv" + strconv.Itoa(version)}}, r.Steps...)
}

// tell sends what is known of one IP version; without a look, that it has none.
func tell(r *probe.Result, version, addresses int, looks ...*probe.Result) {
	label := strconv.Itoa(version)
	r.Send(versionAddresses, float64(addresses), label)
	for _, l := range looks {
		if l.Unmeasured != nil {
			continue // neither up nor down
		}
		r.Send(versionSuccess, truth(l.Success), label)
		r.Send(versionDuration, l.Duration.Seconds(), label)
		if l.Reason != "" {
			r.Send(versionFailure, 1, label, string(l.Reason))
		}
	}
}
