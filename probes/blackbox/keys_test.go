package blackbox

import (
	"encoding"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestKeys holds every key that a module may have to a test: a module of
// compat.yml, which Debian's blackbox_exporter and we are asked about, has it,
// or compat_alone.tsv names the test of ours, and why no pair can show it.
func TestKeys(t *testing.T) {
	known := keysOf(reflect.TypeFor[settings](), "")
	paired := pairedKeys(t)
	alone := aloneKeys(t)
	tests := testNames(t)
	var table strings.Builder
	for _, key := range known {
		a, isAlone := alone[key]
		switch {
		case !paired[key] && !isAlone:
			t.Errorf("%s: no module of probes/testdata/compat.yml has this key; write one and a target for it in compat_cases_test.go, or a line of compat_alone.tsv with the test that holds it", key)
		case paired[key] && isAlone:
			t.Errorf("%s: a pair shows it; take it out of compat_alone.tsv", key)
		case isAlone && (!tests[a.test] || a.because == ""):
			t.Errorf("%s: compat_alone.tsv names the test %q, which there is not, or no reason", key, a.test)
		case isAlone:
			fmt.Fprintf(&table, "%s: %s; %s\n", key, a.because, a.test)
		}
		delete(alone, key)
	}
	for key := range alone {
		t.Errorf("%s: compat_alone.tsv has it, and it is no key of a module", key)
	}
	t.Logf("%d keys, %d of them held by pairs; tested alone:\n%s", len(known), len(paired), table.String())
}

type aloneKey struct{ test, because string }

func aloneKeys(t *testing.T) map[string]aloneKey {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "compat_alone.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord = '\t', 3
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]aloneKey{}
	for _, row := range rows[1:] {
		out[row[0]] = aloneKey{row[1], row[2]}
	}
	return out
}

// testNames are those of this package and of the one above.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, pattern := range []string{"*_test.go", filepath.Join("..", "*_test.go")} {
		files, _ := filepath.Glob(pattern) // the pattern is ours
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if rest, ok := strings.CutPrefix(line, "func Test"); ok {
					name, _, _ := strings.Cut(rest, "(")
					out["Test"+name] = true
				}
			}
		}
	}
	return out
}

// pairedKeys are those that a module of compat.yml has.
func pairedKeys(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "compat.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Modules map[string]map[string]any `yaml:"modules"`
	}
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	known := keysOf(reflect.TypeFor[settings](), "")
	for _, m := range f.Modules {
		use(m, "", known, used)
	}
	return used
}

// use marks the keys that stand in a value.
func use(value any, path string, known []string, used map[string]bool) {
	if slices.Contains(known, path) {
		used[path] = true
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			use(v[key], join(path, key), known, used)
		}
	case []any:
		for _, element := range v {
			use(element, path, known, used)
		}
	}
}

// keysOf lists the keys below a type that have values of their own. The names
// of headers and the like are the user's, and no keys.
func keysOf(t reflect.Type, path string) []string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()) {
		return []string{path}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOf(t.Elem(), path)
	case reflect.Map:
		if e := keysOf(t.Elem(), path+".*"); len(e) > 1 {
			return e
		}
		return []string{path}
	case reflect.Struct:
		var keys []string
		for f := range t.Fields() {
			name, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if !strings.Contains(rest, "inline") {
				name = join(path, name)
			} else {
				name = path
			}
			keys = append(keys, keysOf(f.Type, name)...)
		}
		return keys
	default:
		return []string{path}
	}
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }
