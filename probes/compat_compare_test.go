package probes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// a difference is a series that is not the same, and why that is right.
type difference struct{ series, theirs, ours, because string }

// otherwise says why our value of a series is another; empty: it must not be.
func otherwise(name string, theirs, ours float64, failed bool) string {
	switch {
	case failed && theirs == 0 && name == "probe_ssl_earliest_cert_expiry":
		return "a certificate that is not good tells its date, too"
	case failed && theirs == 0 && ours == 14 && name == "probe_grpc_status_code":
		return "there was no answer: 14 is UNAVAILABLE, and 0 is OK"
	default:
		return ""
	}
}

// absence says why we leave a series of theirs out; empty: we must not.
func absence(name string, value float64, failed bool) string {
	switch {
	case name == "probe_ssl_last_chain_expiry_timestamp_seconds" && value < 0:
		return "no chain verifies, and the year 1 is no date that a rule should compare"
	case name == "probe_ssl_earliest_cert_expiry" && value == 0:
		return "there is no certificate, and 1970 is no date that a rule should compare"
	case failed && strings.HasPrefix(name, "probe_ssl_"), failed && value == 0 && strings.HasPrefix(name, "probe_tls_"):
		return "zeros and empty labels of a handshake that was not seen"
	default:
		return ""
	}
}

// compare returns what is not the same and has a reason; the rest is an error.
func compare(t *testing.T, c compatCase, theirs, ours page) []difference {
	t.Helper()
	var differ []difference
	plain, seen := withoutSerial(ours), map[string]bool{}
	for _, series := range slices.Sorted(maps.Keys(theirs)) {
		value := theirs[series]
		name, _, _ := strings.Cut(series, "{")
		got, there := plain[series]
		d := difference{series, fmt.Sprint(value), fmt.Sprint(got), c.differs[name]}
		switch {
		case there && (isTime(name) || got == value):
			continue
		case !there:
			d.ours = "-"
			d.because = cmp.Or(d.because, absence(name, value, theirs["probe_success"] == 0))
		default:
			d.because = cmp.Or(d.because, otherwise(name, value, got, theirs["probe_success"] == 0))
		}
		if d.because == "" {
			t.Errorf("%s: blackbox_exporter says %s, we say %s", series, d.theirs, d.ours)
		}
		seen[name] = true
		differ = append(differ, d)
	}
	for name, because := range c.differs {
		if !seen[name] {
			t.Errorf("%s is the same; it was to differ: %s", name, because)
		}
	}
	for series := range plain {
		name, _, _ := strings.Cut(series, "{")
		newer := ownOrNewer[name] || strings.HasPrefix(c.module, "grpc") && name == "probe_ssl_last_chain_expiry_timestamp_seconds" ||
			strings.HasPrefix(c.module, "dns_tls") && (strings.HasPrefix(name, "probe_ssl_") || name == "probe_tls_version_info")
		if _, there := theirs[series]; !there && !newer && theirs["probe_success"] == 1 {
			t.Errorf("we say %s, blackbox_exporter does not", series)
		}
	}
	return differ
}

func isTime(name string) bool {
	return strings.HasSuffix(name, "_seconds") && !strings.Contains(name, "timestamp")
}

func sideBySide(theirs, ours page) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "series\tblackbox_exporter 0.23\tTocsin\t")
	plain := withoutSerial(ours)
	all := maps.Clone(theirs)
	maps.Copy(all, plain)
	value := func(p page, s string) string {
		v, ok := p[s]
		if !ok {
			return "-"
		}
		return fmt.Sprint(v)
	}
	for _, s := range slices.Sorted(maps.Keys(all)) {
		name, _, _ := strings.Cut(s, "{")
		a, b := value(theirs, s), value(plain, s)
		mark := ""
		switch {
		case a == "-":
			mark = "ours"
		case a != b && !isTime(name):
			mark = "differs"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", short(s), a, b, mark)
	}
	_ = w.Flush()
	return b.String()
}

func short(series string) string {
	if len(series) > 100 {
		return series[:97] + "...}"
	}
	return series
}

// compatSummary is what all pairs come to.
type compatSummary struct {
	pairs, series, same int
	unmeasured          []string
	asked               map[string]bool // modules
	differ              map[string][]string
	ours                map[string]int // names that they do not have, and in how many pairs
}

func newCompatSummary() *compatSummary {
	return &compatSummary{asked: map[string]bool{}, differ: map[string][]string{}, ours: map[string]int{}}
}

func (s *compatSummary) addUnmeasured(c compatCase) {
	s.pairs++
	s.asked[c.module] = true
	s.unmeasured = append(s.unmeasured, fmt.Sprintf("%s %s: %s", c.module, portless.ReplaceAllString(c.target, ""), c.unmeasured))
}

func (s *compatSummary) add(c compatCase, theirs, ours page, differ []difference) {
	s.pairs++
	s.asked[c.module] = true
	s.series += len(theirs)
	if len(differ) == 0 {
		s.same++
	}
	for _, d := range differ {
		line := fmt.Sprintf("%s %s: %s: %s there, %s here", c.module, portless.ReplaceAllString(c.target, ""), short(d.series), d.theirs, d.ours)
		s.differ[d.because] = append(s.differ[d.because], line)
	}
	names := map[string]bool{}
	for series := range withoutSerial(ours) {
		if _, there := theirs[series]; !there {
			name, _, _ := strings.Cut(series, "{")
			names[name] = true
		}
	}
	for name := range names {
		s.ours[name]++
	}
}

// shown bounds how many series are listed for one reason.
const shown = 10

func (s *compatSummary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d pairs of %d modules, %d series of blackbox_exporter 0.23.\n", s.pairs, len(s.asked), s.series)
	fmt.Fprintf(&b, "In %d pairs each of its series is ours, with the same labels, and the same value where it is no duration.\n", s.same)
	fmt.Fprintf(&b, "In %d pairs something differs, for a reason:\n", s.pairs-s.same-len(s.unmeasured))
	for _, because := range slices.Sorted(maps.Keys(s.differ)) {
		fmt.Fprintf(&b, "- %s (%d):\n", because, len(s.differ[because]))
		for i, line := range s.differ[because] {
			if i == shown {
				fmt.Fprintf(&b, "    and %d more\n", len(s.differ[because])-shown)
				break
			}
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	fmt.Fprintf(&b, "In %d pairs blackbox_exporter says 0, and /probe answers 503 with what is wrong, since nothing was learnt of the target:\n", len(s.unmeasured))
	for _, line := range s.unmeasured {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	b.WriteString("What we say beside it, being newer than 0.23 or our own, and in how many pairs:\n")
	for _, name := range slices.Sorted(maps.Keys(s.ours)) {
		fmt.Fprintf(&b, "    %s %d\n", name, s.ours[name])
	}
	return b.String()
}
