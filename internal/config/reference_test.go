package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"tocsin/alerts/engine"
	"tocsin/alerts/rules"
	"tocsin/exporters/host/backups"
	"tocsin/exporters/postgres"
	"tocsin/internal/secret"
	"tocsin/internal/size"
	"tocsin/internal/strict"
	"tocsin/probes"
	"tocsin/probes/httpprobe"
	"tocsin/updatewatch"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

// TestReference proves that docs/configuration.md is what the structs say: each
// key of the site file with its type, its default and the comment that stands
// above it in the code.
func TestReference(t *testing.T) {
	page := &reference{t: t, comments: map[string]map[string]string{}, unused: meanings()}
	site := &Site{}
	site.setDefaults(machine{hostname: "host", getenv: func(string) string { return "" }, home: "/home"})
	page.section("", reflect.ValueOf(site).Elem())
	for path := range page.unused {
		t.Errorf("meanings() explains %s, which is no key or has a comment of its own", path)
	}
	got := referenceHead + page.out.String()
	golden := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/configuration.md is not current, run go test ./internal/config -update:\n%s", diff)
	}
}

const referenceHead = `# The site file, key by key

This page is generated from the code; do not edit it. ` + "`tocsin.example.yml`" + ` shows the keys at work,
` + "`tocsin check FILE`" + ` proves a file, ` + "`tocsin config show`" + ` shows what is in effect.

Every key may be left out. A key that ends in ` + "`_file`" + ` is the path of a file, relative to the site file; a secret in a
file is read again at each use, so that renewing it needs no reload. A duration is a number with its unit: ` + "`30s`, `5m`,\n`12h`, `100d`" + `.
`

// reference writes the page.
type reference struct {
	t        *testing.T
	out      strings.Builder
	comments map[string]map[string]string // by package and type, then by Go field
	unused   map[string]string
}

// section writes the table of one struct, then those of the structs in it.
func (r *reference) section(path string, v reflect.Value) {
	title := path
	if path == "" {
		title = "At the top"
	}
	fmt.Fprintf(&r.out, "\n## %s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", title)
	fields := strict.Fields(v.Type())
	for _, f := range fields {
		at := strings.TrimPrefix(path+"."+f.Key, ".")
		fmt.Fprintf(&r.out, "| `%s` | %s | %s | %s |\n", f.Key, typeWords(f.Struct.Type),
			r.fallback(at, v.FieldByIndex(f.Struct.Index)), strings.ReplaceAll(r.meaning(at, v.Type(), f, fields), "|", "\\|"))
	}
	for _, f := range fields {
		at, inner := strings.TrimPrefix(path+"."+f.Key, "."), v.FieldByIndex(f.Struct.Index)
		element := inner.Type()
		for element.Kind() == reflect.Slice || element.Kind() == reflect.Map {
			at, element = at+map[bool]string{true: "[]", false: ".*"}[element.Kind() == reflect.Slice], element.Elem()
		}
		switch {
		case element.Kind() != reflect.Struct || element == reflect.TypeFor[secret.Text]():
		case element == reflect.TypeFor[rules.Entries](): // told by alerts.rules itself
		case element == reflect.TypeFor[postgres.Standbys](): // told by its type
		case element == inner.Type():
			r.section(at, inner)
		default:
			one := reflect.New(element)
			if d, ok := reflect.TypeAssert[interface{ SetDefaults() }](one); ok {
				d.SetDefaults()
			}
			r.section(at, one.Elem())
		}
	}
}

func typeWords(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[secret.Text]():
		return "secret"
	case reflect.TypeFor[model.Duration]():
		return "duration"
	case reflect.TypeFor[size.Bytes]():
		return "size"
	case reflect.TypeFor[engine.Config]():
		return "`off`, or a mapping"
	case reflect.TypeFor[HostTLS]():
		return "`true`, or a mapping"
	case reflect.TypeFor[[]Host]():
		return "list of names or mappings"
	case reflect.TypeFor[postgres.Standbys]():
		return "number, or list of names"
	case reflect.TypeFor[backups.Paths]():
		return "path, or list of paths"
	case reflect.TypeFor[probes.List]():
		return "list of URLs or mappings"
	case reflect.TypeFor[updatewatch.References]():
		return "reference, or list of references"
	case reflect.TypeFor[httpprobe.Statuses]():
		return "status, or list of statuses"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeWords(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list of " + map[bool]string{true: "mappings", false: "texts"}[t.Elem().Kind() == reflect.Struct]
	case reflect.Struct, reflect.Map:
		return "mapping"
	default:
		return "number"
	}
}

// fallback is the default, as the file would write it.
func (r *reference) fallback(path string, v reflect.Value) string {
	if told, ok := map[string]string{
		"site":     "the machine's name",
		"data_dir": "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/tocsin`, else `~/.local/state/tocsin`, else `/var/lib/tocsin`",
		"timezone": "the machine's",

		"alerts.fallback.smtp.port":     "587; 25 on this machine",
		"alerts.fallback.smtp.starttls": "true; false on this machine and on port 465",
	}[path]; ok {
		return told
	}
	if list, ok := reflect.TypeAssert[httpprobe.Statuses](v); ok && len(list) > 0 {
		return "`" + strings.Join(list, "`, `") + "`"
	}
	if v.Kind() == reflect.Struct || v.Kind() == reflect.Slice || v.Kind() == reflect.Map || v.IsZero() {
		return ""
	}
	text := fmt.Sprint(v.Interface())
	if v.Kind() == reflect.Pointer {
		text = fmt.Sprint(v.Elem().Interface())
	}
	return "`" + strings.ReplaceAll(text, "|", "\\|") + "`"
}

// meaning is the comment of a field, with the names of keys for those of
// fields. A comment may speak for the next field too, by naming it.
func (r *reference) meaning(path string, t reflect.Type, f strict.Field, siblings []strict.Field) string {
	owner := t
	for _, i := range f.Struct.Index[:len(f.Struct.Index)-1] { // an inlined struct
		owner = owner.Field(i).Type
	}
	comments := r.of(owner)
	text := meanings()[owner.String()+"."+f.Key]
	delete(r.unused, owner.String()+"."+f.Key)
	if text == "" {
		text = comments[f.Struct.Name]
	}
	if text == "" {
		for _, other := range siblings {
			if c := comments[other.Struct.Name]; regexp.MustCompile(`\b` + f.Struct.Name + `\b`).MatchString(firstSentence(c)) {
				text = c
			}
		}
	}
	if twin, ok := strings.CutSuffix(f.Key, "_file"); ok && text == "" && hasSecret(siblings, twin) {
		return "The file that has `" + twin + "`."
	}
	if text == "" {
		r.t.Errorf("%s: %s.%s has no comment in the code, nor in meanings()", path, owner, f.Key)
	}
	for _, s := range siblings {
		text = regexp.MustCompile(`\b`+s.Struct.Name+`\b`).ReplaceAllString(text, "`"+s.Key+"`")
	}
	return sentence(strings.TrimPrefix(strings.TrimPrefix(text, "`"+f.Key+"` is "), "`"+f.Key+"` are "))
}

// sentence begins with a capital and ends with a full stop.
func sentence(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if text = string(unicode.ToUpper(r)) + text[size:]; !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func hasSecret(fields []strict.Field, key string) bool {
	for _, f := range fields {
		if f.Key == key && f.Struct.Type == reflect.TypeFor[secret.Text]() {
			return true
		}
	}
	return false
}

func firstSentence(s string) string { return strings.SplitN(s, ". ", 2)[0] }

// of returns the comments of a struct's fields, read from its package.
func (r *reference) of(t reflect.Type) map[string]string {
	key := t.PkgPath() + "." + t.Name()
	if c, ok := r.comments[key]; ok {
		return c
	}
	found := map[string]string{}
	r.comments[key] = found
	files, err := filepath.Glob(filepath.Join("..", "..", strings.TrimPrefix(t.PkgPath(), "tocsin/"), "*.go"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			r.t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != t.Name() {
				return true
			}
			if body, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range body.Fields.List {
					text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
					for _, n := range f.Names {
						found[n.Name] = text
					}
				}
			}
			return false
		})
	}
	return found
}
