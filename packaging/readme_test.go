package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"tocsin/internal/config"
)

// TestReadme_itsSiteFileLoads proves the site file that the README shows, with
// its secrets laid in a folder of the test.
func TestReadme_itsSiteFileLoads(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(# /etc/tocsin/tocsin.yml\n.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("the README shows no /etc/tocsin/tocsin.yml")
	}
	dir := t.TempDir()
	secrets := regexp.MustCompile(`(_file: )/etc/tocsin/(\w+)`)
	for _, match := range secrets.FindAllSubmatch(block[1], -1) {
		if err := os.WriteFile(filepath.Join(dir, string(match[2])), []byte("a secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "tocsin.yml")
	if err := os.WriteFile(path, secrets.ReplaceAll(block[1], []byte("${1}"+dir+"/${2}")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err != nil {
		t.Error(err)
	}
}

// TestReadme_itsLinksLead checks the links between our own documents.
func TestReadme_itsLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, document := range []string{"../README.md", "../CHANGELOG.md", "README.md"} {
		content, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllSubmatch(content, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), string(match[1]))); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}
