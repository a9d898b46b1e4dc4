package foreign

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func texts(words []Word) []string {
	var all []string
	for _, w := range words {
		all = append(all, w.Text)
	}
	return all
}

func TestCommands(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"typed":                  {`--a --b=c --d 'e f'`, []string{"--a", "--b=c", "--d", "e f"}},
		"with the program":       {`/usr/bin/node_exporter --a`, []string{"--a"}},
		"an expression":          {`--a=^/(x|y)($$|/) --b="\\.x" --c=\.y`, []string{"--a=^/(x|y)($$|/)", `--b=\.x`, `--c=\.y`}},
		"empty value":            {`--a="" --b ''`, []string{"--a=", "--b", ""}},
		"environment":            {"# x\nARGS=\"--a \\\"b c\\\"\"\nOTHER=1\n", []string{"--a", "b c"}},
		"doubled for systemd":    {`ARGS="--a=\\\\d"`, []string{`--a=\d`}},
		"doubled for the shell":  {`ARGS="--a=\\d"`, []string{`--a=\d`}},
		"several lines":          {"ARGS=\"--a \\\n  --b\"\n", []string{"--a", "--b"}},
		"single quotes":          {`export OPTS='--a="b c"'`, []string{"--a=b c"}},
		"a unit":                 {"[Service]\nExecStart=/bin/x --a \\\n  --b=c\nRestart=always\n", []string{"--a", "--b=c"}},
		"a unit's environment":   {"[Service]\nEnvironment=\"ARGS=--a --b\"\nExecStart=/bin/x $ARGS\n", []string{"--a", "--b"}},
		"a unit with its prefix": {"ExecStart=-/bin/x --a\n", []string{"--a"}},
		"nothing":                {`ARGS=""`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			words, err := Commands("f", c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, texts(words)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWords_lines(t *testing.T) {
	words, err := Words("f", "--a \\\n --b='x\ny' --c\n--d", 7)
	if err != nil {
		t.Fatal(err)
	}
	want := []Word{{"--a", 7}, {"--b=x\ny", 8}, {"--c", 9}, {"--d", 10}}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzWords: what is quoted as a shell wants it comes back as it was, and no
// text makes the splitter panic.
func FuzzWords(f *testing.F) {
	f.Add(`--a "b c" 'd`, "e\\")
	f.Add("\\\n", "'\"'")
	f.Add("ARGS=\"--a", "ExecStart=x \\")
	f.Fuzz(func(t *testing.T, one, two string) {
		if _, err := Commands("f", one+"\n"+two); err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("no place in %v", err)
		}
		var quoted []string
		for _, w := range []string{one, two} {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		words, err := Words("f", strings.Join(quoted, " "), 1)
		if err != nil || !slices.Equal(texts(words), []string{one, two}) {
			t.Errorf("%q became %q, %v", []string{one, two}, texts(words), err)
		}
	})
}

func TestParse_mergesAndAliases(t *testing.T) {
	v, err := Parse("f", []byte("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nlist: [*b]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.At("more", "x").Text() + v.At("more", "y").Text() + v.Get("list").List()[0].Get("y").Text(); got != "132" {
		t.Errorf("got %s", got)
	}
	if got := v.At("more", "y").Place(); got != "f:4" {
		t.Errorf("y stands at %s", got)
	}
	if v.At("no", "such").Is() || v.Get("more").Text() != "" || v.Get("list").Pairs() != nil {
		t.Error("what is not there is there")
	}
}
