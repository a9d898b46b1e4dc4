package rules

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// listed reads a closed list of a room from its source.
func listed(t *testing.T, file, expression string) []string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(string(source), -1) {
		all = append(all, m[1])
	}
	if len(all) < 5 {
		t.Fatalf("only %v were found in %s", all, file)
	}
	return all
}

// What a domain's records and a message on its way can have wrong has words in
// the texts.
func TestTexts_mailHasWordsForEachProblemAndStep(t *testing.T) {
	files := load(t)
	problems := listed(t, "../../probes/maildns/metrics.go", `Problem += "(\w+)"`)
	steps := listed(t, "../../probes/mailtrip/metrics.go", `step += "(\w+)"`)
	ofMX := map[string]bool{"missing": true, "unresolved": true, "no_mail": true, "no_domain": true}
	for _, annotation := range []string{"summary", "summary_fr"} {
		for _, p := range problems {
			if p == "partly_unresolved" {
				continue // has a rule of its own
			}
			for _, at := range [][2]string{{"MailDNSBroken", "spf"}, {"MailMXBroken", "mx"}} {
				if (at[0] == "MailMXBroken") != ofMX[p] && p != "missing" && p != "unresolved" {
					continue
				}
				r, _ := Find(files, at[0])
				text := expand(t, newEvaluator(t, "load 1m\n"), r, occasion{Labels: map[string]string{"job": "j", "instance": "i", "record": at[1], "problem": p}}, annotation)
				if strings.HasSuffix(strings.TrimSpace(text), ": "+p) {
					t.Errorf("%s has no words for %s in %s: %s", at[0], p, annotation, text)
				}
			}
		}
		r, _ := Find(files, "MailTripFailed")
		for _, s := range steps {
			e := newEvaluator(t, fmt.Sprintf("load 1m\n  probe_mailtrip_failed_step_info{job=\"j\",instance=\"i\",step=%q} 1\n", s))
			if text := expand(t, e, r, occasion{Labels: map[string]string{"job": "j", "instance": "i"}}, annotation); strings.HasSuffix(strings.TrimSpace(text), ": "+s) {
				t.Errorf("MailTripFailed has no words for %s in %s: %s", s, annotation, text)
			}
		}
	}
}
