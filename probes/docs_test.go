package probes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs_examplesAreAccepted reads each example of docs/probes as the site
// file does.
func TestDocs_examplesAreAccepted(t *testing.T) {
	pages, err := filepath.Glob("../docs/probes/*.md")
	if err != nil || len(pages) < 6 {
		t.Fatalf("the pages are %q, %v", pages, err)
	}
	for _, page := range pages {
		_, rest, _ := strings.Cut(content(t, page), "```yaml\nprobes:\n")
		for rest != "" {
			var example string
			example, rest, _ = strings.Cut(rest, "```")
			if list, wrong := read(t, example); wrong != nil || len(list) == 0 {
				t.Errorf("%s: %d entries, %s", page, len(list), strings.Join(wrong, "\n"))
			}
			_, rest, _ = strings.Cut(rest, "```yaml\nprobes:\n")
		}
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
