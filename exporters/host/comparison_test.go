//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// drift is by how much a gauge may differ between two looks at the machine,
// by the beginning of its name; all others must be equal. Counters must lie
// between what we read before and after.
func drift(name string, ours map[string]float64) (float64, bool) {
	switch {
	case strings.HasPrefix(name, "node_netstat_"), strings.HasPrefix(name, "node_nf_conntrack_stat_"):
		return 10, true // counters by nature, of another type
	case strings.HasPrefix(name, "node_tcp_connection_states"), strings.HasPrefix(name, "node_qdisc_backlog"),
		strings.HasPrefix(name, "node_qdisc_current_queue_length"), strings.HasPrefix(name, "node_sockstat_"), name == "node_nf_conntrack_entries", strings.HasPrefix(name, "node_udp_queues"):
		return 1e6, true
	case strings.HasPrefix(name, "node_memory_") && strings.Contains(name, "_bytes"):
		return 0.1 * ours["node_memory_MemTotal_bytes"], true
	case strings.HasPrefix(name, "node_memory_numa_"), strings.HasPrefix(name, "node_buddyinfo_"), strings.HasPrefix(name, "node_zoneinfo_"),
		strings.HasPrefix(name, "node_slabinfo_"), strings.HasPrefix(name, "node_vmstat_"):
		return 0.5*ours[name] + 1e6, true
	case strings.HasPrefix(name, "node_processes_"), strings.HasPrefix(name, "node_entropy_"), strings.HasPrefix(name, "node_sysctl_"):
		return 1000, true
	case strings.HasPrefix(name, "node_load"):
		return 5, true
	case strings.HasPrefix(name, "node_procs_"), strings.HasPrefix(name, "node_disk_io_now"):
		return 1000, true
	case strings.HasPrefix(name, "node_time_seconds"):
		return 5, true
	case strings.HasPrefix(name, cpuInfoHertz.Name):
		return 5e9, true // it follows the load
	case strings.HasPrefix(name, "node_timex_offset_seconds"), strings.HasPrefix(name, "node_timex_maxerror_seconds"),
		strings.HasPrefix(name, "node_timex_estimated_error_seconds"), strings.HasPrefix(name, "node_timex_frequency"):
		return 1, true
	case strings.HasPrefix(name, "node_filesystem_avail_bytes"), strings.HasPrefix(name, "node_filesystem_free_bytes"):
		return 5e9, true
	case strings.HasPrefix(name, "node_filesystem_files_free"):
		return 1e5, true
	default:
		return 0, false
	}
}

// compatibility is the table of make compat-node: each of their names with its
// type, the names of its labels, and how many series both have.
func compatibility(theirs map[string]*dto.MetricFamily, page []*dto.MetricFamily) string {
	ours := map[string]*dto.MetricFamily{}
	for _, mf := range page {
		ours[mf.GetName()] = mf
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nNAME\tTYPE\tLABELS\tTHEIRS\tOURS\t")
	total, same := 0, 0
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		a, b := theirs[name], ours[name]
		verdict := notOurs[name]
		if verdict == "" {
			total++
			if b != nil && a.GetType() == b.GetType() && labelNames(a) == labelNames(b) {
				same++
			} else {
				verdict = "DIFFERENT"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", name, strings.ToLower(a.GetType().String()), labelNames(a), len(a.GetMetric()), len(b.GetMetric()), verdict)
	}
	fmt.Fprintf(w, "%d of %d names have the same type and labels\n", same, total)
	_ = w.Flush() // into a buffer
	return b.String()
}

func labelNames(mf *dto.MetricFamily) string {
	names := map[string]bool{}
	for _, m := range mf.GetMetric() {
		for _, l := range m.GetLabel() {
			names[l.GetName()] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ",")
}

// equalPages wants the page of these collectors to equal node_exporter's.
func equalPages(t *testing.T, fewest int, all []frame.Entry, process *testenv.Process, url string) {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: all}, discard())
	// Others mount, unmount and fill things while we look: look again.
	testenv.Eventually(t, 30*time.Second, "a page that equals node_exporter's", func(ctx context.Context) error {
		select {
		case <-process.Done():
			return fmt.Errorf("node_exporter ended: %s", process.Output())
		default:
		}
		before := target.Gather(ctx)
		theirs, err := fetch(ctx, url)
		if err != nil {
			return err
		}
		after := target.Gather(ctx)
		return errors.Join(compareTypes(theirs, after), compareSamples(fewest, theirs, before, after))
	})
	for _, s := range target.States() {
		if s.Reason != "" {
			t.Errorf("collector %s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
}

func compareTypes(theirs map[string]*dto.MetricFamily, ours []*dto.MetricFamily) error {
	var errs []error
	for _, mf := range ours {
		other, ok := theirs[mf.GetName()]
		if ok && other.GetType() != mf.GetType() {
			errs = append(errs, fmt.Errorf("%s is a %v, theirs is a %v", mf.GetName(), mf.GetType(), other.GetType()))
		}
	}
	return errors.Join(errs...)
}

// compareSamples compares a page of theirs, which must have so many series,
// with what we gathered before and after it.
func compareSamples(fewest int, theirFamilies map[string]*dto.MetricFamily, beforePage, afterPage []*dto.MetricFamily) error {
	before, after := flatten(beforePage), flatten(afterPage)
	theirs := map[string]float64{}
	counters := map[string]bool{}
	for name, mf := range theirFamilies {
		if notOurs[name] != "" {
			continue
		}
		for _, m := range mf.GetMetric() {
			theirs[series(name, m)] = value(m)
			counters[series(name, m)] = mf.GetType() == dto.MetricType_COUNTER
		}
	}
	var errs []error
	if len(theirs) < fewest {
		errs = append(errs, fmt.Errorf("their page has %d series only", len(theirs)))
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		low, ok := before[name]
		high, ok2 := after[name]
		if !ok || !ok2 {
			errs = append(errs, fmt.Errorf("we lack %s", name))
			continue
		}
		margin, drifts := drift(name, after)
		if counters[name] {
			margin, drifts = 0.02, true // a tick or two: the kernel's idle time now and then goes back
		}
		low, high = min(low, high), max(low, high)
		rounding := 1e-12 * math.Abs(high) // a thousandth is a product for one, a quotient for the other
		margin += rounding
		if got := theirs[name]; got < low-margin || got > high+margin || (!drifts && min(math.Abs(got-low), math.Abs(got-high)) > rounding) {
			if !math.IsNaN(got) {
				errs = append(errs, fmt.Errorf("%s is %v for them, %v to %v for us", name, got, low, high))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := theirs[name]; !ok {
			errs = append(errs, fmt.Errorf("they lack %s", name))
		}
	}
	return errors.Join(errs...)
}
