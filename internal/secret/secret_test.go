package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const marker = "marker-7f3a"

// TestText_isNeverPrinted tries every verb, logger and marshaller, on the
// secret alone, by pointer, and inside what holds it.
func TestText_isNeverPrinted(t *testing.T) {
	type holder struct {
		Token Text `json:"token" yaml:"token" xml:"token"`
		Deep  map[string]*Text
		List  []Text
	}
	type named struct{ Token Text }
	s := New(marker)
	h := holder{Token: s, Deep: map[string]*Text{"x": &s}, List: []Text{s}}
	var out bytes.Buffer
	for _, v := range []any{s, &s, h, &h, []any{s}, Source{Value: s}} {
		for verb := range strings.SplitSeq("v +v #v s q x X d t T p e g c b o U", " ") {
			fmt.Fprintf(&out, "%"+verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
	}
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		log.Info("logged", "secret", s, "pointer", &s, "holder", h, "group", slog.GroupValue(slog.Any("s", s)))
	}
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal, "xml": xml.Marshal} {
		b, err := marshal(named{s})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(string(b), Redacted) {
			t.Errorf("%s says %q, want %s in it", name, b, Redacted)
		}
		out.Write(b)
	}
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %v, %w", s, errors.New(s.String())))
	// Hexadecimal too: %x of a string prints its bytes.
	for _, leak := range []string{marker, fmt.Sprintf("%x", marker), fmt.Sprintf("%X", marker)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%s was printed:\n%s", leak, out.String())
		}
	}
	if s.Reveal() != marker {
		t.Error("the secret cannot be revealed")
	}
}

func TestText_readsFromYAMLAndJSON(t *testing.T) {
	var fromYAML, fromJSON struct{ Token Text }
	if err := yaml.Unmarshal([]byte("token: "+marker), &fromYAML); err != nil || fromYAML.Token.Reveal() != marker {
		t.Errorf("YAML: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"Token":"`+marker+`"}`), &fromJSON); err != nil || fromJSON.Token.Reveal() != marker {
		t.Errorf("JSON: %v", err)
	}
}

func TestText_theEmptySecretShowsNothing(t *testing.T) {
	if got := fmt.Sprint(Text{}); got != "" || !(Text{}).IsZero() {
		t.Errorf("prints %q", got)
	}
}

func TestSource_readsTheFileAnewAndTrimsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for _, content := range []string{"first\n", "  second\r\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Source{File: path}.Read()
		if err != nil || got.Reveal() != strings.TrimSpace(content) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestSource_filesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		content string
		want    string
	}{
		"empty": {" \n", "is empty"},
		"huge":  {strings.Repeat(marker, maxFile/len(marker)+1), "is larger than"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Source{File: path}.Read()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Source{File: filepath.Join(dir, "none")}).Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
