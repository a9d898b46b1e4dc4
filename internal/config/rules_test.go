package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/exporters/host/addresses"
	"tocsin/exporters/host/backups"
)

// The list of Tocsin's own metrics is what stands in the code of those who
// export them: a name too few would refuse good rules, one too many would let
// a rule pass that can never ring.
func TestOwnMetrics_areThoseInTheCode(t *testing.T) {
	labels := []string{"tocsin_group", "tocsin_no_data_since"} // of the engine's inner alerts, no metrics
	name := regexp.MustCompile(`"(tocsin_[a-z_]*[a-z])"`)
	declared := regexp.MustCompile("^tocsin_(host|postgres|rabbitmq)_") // by the collectors that send them
	found := map[string]bool{}
	for _, folder := range []string{"internal/app", "internal/frame", "internal/web", "alerts", "probes", "exporters"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range name.FindAllSubmatch(text, -1) {
				if !slices.Contains(labels, string(m[1])) && !declared.Match(m[1]) {
					found[string(m[1])] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range slices.Concat(backups.Families(), addresses.Families()) {
		delete(found, f.Name) // a collector's, and listed by it
	}
	var listed []string
	for _, n := range OwnMetrics() {
		if strings.HasPrefix(n, "tocsin_") {
			listed = append(listed, n)
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(sortedKeys(found), listed); diff != "" {
		t.Errorf("- in the code, + in OwnMetrics:\n%s", diff)
	}
}

// Shipped rules are about all hosts of the site: what is off here, another one
// may measure.
func TestRules_collectorsThatAreOffHere(t *testing.T) {
	for _, chosen := range []string{"{off: [filesystem, hwmon, storage]}", "{only: [uname]}"} {
		if _, err := loadText(t, "host: {collectors: "+chosen+"}\n"); err != nil {
			t.Errorf("%s: %v", chosen, err)
		}
	}
}
