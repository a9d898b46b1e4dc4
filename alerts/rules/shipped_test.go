package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// interval is how often the engine evaluates what has no interval of its own.
const interval = 5 * time.Second

func TestShipped_eachRuleHasOneThreshold(t *testing.T) {
	for _, r := range Alerts(load(t)) {
		if r.Threshold == nil {
			t.Errorf("%s: the outermost of %q is not a comparison with one number", r.Alert, r.Expr)
		}
	}
}

func TestShipped_severityIsKnown(t *testing.T) {
	for _, r := range Alerts(load(t)) {
		if !slices.Contains(severities(), r.Severity()) {
			t.Errorf("%s: severity %q", r.Alert, r.Severity())
		}
	}
}

// Without job and instance nobody could know whether data still comes; with
// from, two instances that see the same would be two alerts.
func TestShipped_keepsJobAndInstanceAndDropsFrom(t *testing.T) {
	for _, r := range Alerts(load(t)) {
		e, err := parse(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		labels := labelsOf(e)
		if r.Alert == "Watchdog" { // of no target
			continue
		}
		if !labels.may("job") || !labels.may("instance") || !labels.may("host") {
			t.Errorf("%s: aggregates job, instance or host away: %s", r.Alert, r.Expr)
		}
		if labels.may("from") && !selectsOnlyRecorded(r) {
			t.Errorf("%s: the label from is not aggregated away: %s", r.Alert, r.Expr)
		}
	}
	for _, f := range load(t) {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				e, err := parse(r.Expr)
				if err != nil {
					t.Fatal(err)
				}
				if r.Record != "" && labelsOf(e).may("from") {
					t.Errorf("%s: the label from is not aggregated away", r.Record)
				}
			}
		}
	}
}

// selectsOnlyRecorded tells that the rule takes its labels from a recorded
// series, from which from is gone already.
func selectsOnlyRecorded(r Rule) bool {
	known := []string{"HostDiskFullSoon", "HostFileSystemReadOnly", "CertificateExpiring", "CertificateExpiringSoon"}
	return slices.Contains(known, r.Alert) && slices.ContainsFunc(r.Metrics, func(name string) bool {
		return strings.HasPrefix(name, "instance") && strings.Contains(name, ":")
	})
}

func TestShipped_textsAreThere(t *testing.T) {
	for _, r := range Alerts(load(t)) {
		for _, name := range []string{"summary", "description", "summary_fr", "description_fr"} {
			if strings.TrimSpace(r.Annotations[name]) == "" || strings.Contains(r.Annotations[name], "\n") {
				t.Errorf("%s: %s is empty or has a line break: %q", r.Alert, name, r.Annotations[name])
			}
		}
		when, do := r.Purpose()
		if when == "" || do == "" {
			t.Errorf("%s: the comment above it lacks %q or %q", r.Alert, "Fires when:", "Do:")
		}
	}
}

var alertsOf = regexp.MustCompile(`ALERTS\{alertname="(\w+)"`)

// A rule that is silent while another one fires must not be faster than it: it
// waits longer than it, an evaluation of each included. To stand below it in
// the same group is not enough: a scrape may be stored between the two.
func TestShipped_dependentWaitsLongerThanItsCause(t *testing.T) {
	type place struct {
		rule     Rule
		interval time.Duration
	}
	at := map[string]place{}
	for _, f := range load(t) {
		for _, g := range f.Groups {
			every := time.Duration(g.Interval)
			if every == 0 {
				every = interval
			}
			for _, r := range g.Rules {
				if r.Alert != "" {
					at[r.Alert] = place{r, every}
				}
			}
		}
	}
	checked := 0
	for name, dependent := range at {
		for _, m := range alertsOf.FindAllStringSubmatch(dependent.rule.Expr, -1) {
			cause, ok := at[m[1]]
			switch {
			case !ok:
				t.Errorf("%s is silent for %s, which does not exist", name, m[1])
				continue
			case m[1] == name:
				continue // it holds itself
			}
			checked++
			wait := time.Duration(dependent.rule.For) - time.Duration(cause.rule.For)
			if wait < cause.interval+interval {
				t.Errorf("%s waits %s longer than its cause %s", name, wait, m[1])
			}
		}
	}
	if checked < 6 {
		t.Errorf("only %d dependencies were found", checked)
	}
}

// Node targets are scraped every 5 s, others every 15 s, failing probes every
// 5 s: the wait covers three of them.
func TestShipped_downNeedsThreeMissedScrapes(t *testing.T) {
	for name, every := range map[string]time.Duration{
		"HostDown": 5 * time.Second, "TargetDown": 15 * time.Second, "ProbeFailing": 5 * time.Second,
	} {
		r, ok := Find(load(t), name)
		if !ok {
			t.Fatalf("there is no rule %s", name)
		}
		if time.Duration(r.For) < 3*every {
			t.Errorf("%s waits %s: less than three times %s", name, r.For, every)
		}
	}
}

// A threshold in the words would be wrong as soon as a site changes it.
func TestShipped_textsDoNotRepeatTheThreshold(t *testing.T) {
	for _, r := range Alerts(load(t)) {
		if !r.Threshold.Adjustable() {
			continue
		}
		number := strings.TrimLeft(r.Threshold.String(), "<>= ")
		if number == "0" {
			continue
		}
		for name, text := range r.Annotations {
			if regexp.MustCompile(`(^|\D)` + regexp.QuoteMeta(number) + `(\D|$)`).MatchString(regexp.MustCompile("`[^`]*`|{{[^}]*}}").ReplaceAllString(text, "")) {
				t.Errorf("%s: %s repeats the threshold %s", r.Alert, name, number)
			}
		}
	}
}

func TestShipped_longRangesAreEvaluatedEachMinute(t *testing.T) {
	long := regexp.MustCompile(`\[\d+[hd]\]`)
	for _, f := range load(t) {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if long.MatchString(r.Expr) && time.Duration(g.Interval) < time.Minute {
					t.Errorf("%s: looks at hours or days, but is evaluated more often than each minute", r.Name())
				}
			}
		}
	}
}
