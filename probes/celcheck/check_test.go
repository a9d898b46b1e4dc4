package celcheck

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const document = `{"status": "pass", "checks": [{"name": "db", "ok": true}, {"name": "redis", "ok": false}], "n": 3}`
	for _, c := range []struct {
		text, document, wrong string
		want                  bool
	}{
		{`body.status == "pass"`, document, "", true},
		{`body.status == "fail"`, document, "", false},
		{`body.checks.all(c, c.ok)`, document, "", false},
		{`body.checks.exists(c, c.name == "redis" && !c.ok) && body.n > 2.0`, document, "", true},
		{`size(body) == 2`, `[1, 2]`, "", true},
		{`has(body.other)`, document, "", false},
		{`body.other == 1`, document, "no such key: other", false},
		{`body.status`, document, "is neither true nor false, but a string", false},
		{`body.status == "pass"`, `<html>`, "the body is no JSON", false},
		{`body.all(a, body.all(b, body.all(c, body.all(d, body.all(e, a + b + c + d + e >= 0.0)))))`, "[" + strings.Repeat("1,", 200) + "1]", "cost", false},
	} {
		e, err := Compile(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Match(t.Context(), []byte(c.document))
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v, want %q", c.text, err, c.wrong)
		}
		if got != c.want {
			t.Errorf("%s is %t", c.text, got)
		}
	}
}

func TestCompile_bad(t *testing.T) {
	for text, want := range map[string]string{
		"":             "Syntax error",
		"foo.bar":      "undeclared reference to 'foo'",
		"body ==":      "Syntax error",
		`"a"`:          "it gives a string, and must give true or false",
		"body.a(1, 2)": "undeclared reference",
	} {
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzMatch has documents of all kinds: none makes the judgement panic.
func FuzzMatch(f *testing.F) {
	f.Add(`{"status": "pass"}`)
	f.Add(`[1, null, {"a": [true]}]`)
	e, err := Compile(`body.status == "pass" || body[0] > 1 || size(body) == 0`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, document string) { _, _ = e.Match(t.Context(), []byte(document)) })
}
