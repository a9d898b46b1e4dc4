package jq

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func document(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFirst_ourFunctions(t *testing.T) {
	for _, test := range []struct {
		expr, in string
		want     any
	}{
		{".a.b", `{"a":{"b":1}}`, 1.0},
		{".a.b", `{}`, nil},
		{"empty", `{}`, nil},
		{"ts", `"2026-08-01T10:11:12.5Z"`, 1785579072.5},
		{"ts", `"2026-08-01T12:11:12+02:00"`, 1785579072.0},
		{"ts", `"2026-08-01"`, 1785542400.0},
		{`ts("Europe/Paris")`, `"2026-08-01T12:11:12"`, 1785579072.0},
		{`ts("Europe/Paris")`, `"2026-08-01 12:11:12"`, 1785579072.0},
		{"bool", `"yes"`, true},
		{"bool", `0`, false},
		{"bytes", `"12.5 GiB"`, 12.5 * (1 << 30)},
		{"bytes", `"3 kB"`, 3000.0},
		{"bytes", `"17"`, 17.0},
		{"duration", `"1h30m"`, 5400.0},
		{"duration", `"2.5 s"`, 2.5},
		{"duration", `"3d"`, 259200.0},
	} {
		q, err := Compile(test.expr)
		if err != nil {
			t.Fatalf("%s: %v", test.expr, err)
		}
		got, err := q.First(t.Context(), document(t, test.in))
		if err != nil {
			t.Errorf("%s of %s: %v", test.expr, test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s of %s: %s", test.expr, test.in, diff)
		}
	}
}

func TestFirst_errorsHaveNoDataInThem(t *testing.T) {
	for expr, in := range map[string]string{
		".a": `"hunter2"`, "ts": `"hunter2"`, `ts("Nowhere/Town")`: `"2026-08-01T12:11:12"`, "ts(1)": `"hunter2"`,
		"bytes": `"hunter2"`, "bool": `"hunter2"`, "duration": `"hunter2"`, "tonumber": `"hunter2"`, "error": `"hunter2"`,
	} {
		q, err := Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = q.First(t.Context(), document(t, in))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s of %s: %v", expr, in, err)
		}
	}
}

func TestCompile_saysWhatIsWrong(t *testing.T) {
	for expr, want := range map[string]string{
		"":                      "is empty; write a jq expression, as .health.body.status",
		".a ==":                 "jq: the expression ends too early; a bracket, a quote or an operand is missing",
		".a = = 1":              `jq: unexpected "=" at character 6`,
		"nosuch(.a)":            "jq: function not defined: nosuch/1",
		"$x":                    "jq: variable not defined: $x",
		"env.HOME":              "jq: env is not allowed: an expression sees the answers and nothing else",
		"$ENV.HOME":             "jq: $ENV is not allowed: an expression sees the answers and nothing else",
		"input":                 "jq: input is not allowed: an expression sees the answers and nothing else",
		"[inputs]":              "jq: inputs is not allowed: an expression sees the answers and nothing else",
		".a | debug":            "jq: debug is not allowed: an expression sees the answers and nothing else",
		"now":                   "jq: now is not allowed: an expression sees the answers and nothing else",
		`include "x"; .a`:       "jq: import and include are not allowed; write the definition out",
		`import "x" as x; x::f`: "jq: import and include are not allowed; write the definition out",
	} {
		_, err := Compile(expr)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", expr, err, want)
		}
	}
	for _, expr := range []string{`.env`, `.input.debug`, `{now: 1}`, `"env"`, `.a | test("input")`} {
		if _, err := Compile(expr); err != nil {
			t.Errorf("%q: %v", expr, err)
		}
	}
}

func TestFirst_stopsAtTheDeadline(t *testing.T) {
	for _, expr := range []string{"[range(1e12)] | length", "last(range(1e12))", "def f: f; f", "[limit(1e12; repeat(1))]"} {
		q, err := Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		_, err = q.First(ctx, nil)
		cancel()
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
			t.Errorf("%s: %v after %s", expr, err, took)
		}
	}
}

func TestAll_isBounded(t *testing.T) {
	q, err := Compile("range(1e9)")
	if err != nil {
		t.Fatal(err)
	}
	values, err := q.All(t.Context(), nil, 3)
	if len(values) != 3 || !errors.Is(err, ErrTooMany) {
		t.Errorf("%v, %v", values, err)
	}
	q, err = Compile(".[]")
	if err != nil {
		t.Fatal(err)
	}
	if values, err = q.All(t.Context(), []any{1.0, 2.0, 3.0}, 3); len(values) != 3 || err != nil {
		t.Errorf("%v, %v", values, err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{".a.b", `.stats.body | map({(.name): .value}) | add | to_entries[]`, "env", "ts", `"\(1)"`, "reduce .[] as $x (0; .+$x)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		q, err := Compile(text)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _ = q.First(ctx, map[string]any{"a": map[string]any{"b": 1.0}})
	})
}
