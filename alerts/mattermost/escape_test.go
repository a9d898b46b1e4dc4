package mattermost

import (
	"strings"
	"testing"

	"tocsin/alerts"
)

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"plain words, 96 %":              "plain words, 96 %",
		"<script>alert(1)</script>":      "<" + brk + "script>alert(1)<" + brk + "/script>",
		"<!channel> <https://evil|here>": "<" + brk + "!channel> `<" + brk + "https://evil|here>`",
		"@channel @all (@here)":          "@" + brk + "channel @" + brk + "all (@" + brk + "here)",
		"root@db1.example":               "root@db1.example",
		"two\nlines\r\n\ttab":            "two lines tab",
		"`rm -rf` and ```code```":        "\\`rm -rf\\` and \\`\\`\\`code\\`\\`\\`",
		"[click](http://evil)":           "`[click]" + brk + "(http://evil`)",
		"![i](x)":                        `!\[i\]` + brk + "(x)",
		"snake_case *bold* ~x~ |a|":      `snake\_case \*bold\* \~x\~ \|a\|`,
		"#hashtag":                       `\#hashtag`,
		"- item":                         `\- item`,
		"12. item":                       `12\. item`,
		"> quoted":                       `\> quoted`,
		"see https://x.example/a_b: bad": "see `https://x.example/a_b`: bad",
		"of pad (https://x.example) now": "of pad (`https://x.example`) now",
		"bell\a \u202eevil":              "bell evil",
		"not \xff utf8":                  "not � utf8",
		`back\slash`:                     `back\\slash`,
		"":                               "",
		// Commands of a rule can be copied; whatever stands in them calls nobody.
		"run `du -xh --max_depth=2 '/srv'`, then": "run `du -xh --max_depth=2 '/srv'`, then",
		"`@channel` and `x`":                      "`@" + brk + "channel` and `x`",
		// A backtick too many, or two at once: none is believed.
		"a` label, `du *`": "a\\` label, \\`du \\*\\`",
	} {
		if got := markdown(in); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

// Nothing that stands in a label or an annotation calls anybody, wherever the
// message shows it.
func TestEscape_labelsCallNobody(t *testing.T) {
	nasty := []string{
		"@channel", "x @all", "(@here)", "<!channel>", "<!here|x>", "`@channel`", "\\@channel", "a.@anne", "\n@bob",
		"_@anne_", "[@anne](x)", "`` @anne", "' @bob '", "http://x/ @channel", "www.x @channel", "@@channel", "\u200b@channel",
	}
	for _, mode := range []string{"bot", "hook"} {
		l := newLab(t)
		if mode == "hook" {
			l.hook()
		}
		for _, s := range nasty {
			a := disk("/srv", noon)
			a.Annotations = map[string]string{"summary": s, "description": s + " " + s}
			a.Detail, a.Link = s, "https://x.example/"+s
			b := disk(s, noon)
			b.Annotations = nil
			b.Labels["host"], b.Labels["alertname"] = s, s
			l.mustSay(notification("nasty "+s, alerts.First, noon, a))
			l.mustSay(notification("nasty "+s, alerts.NewAlerts, noon, a, b))
			l.mustSay(notification("nasty "+s, alerts.AllSettled, noon, ended(b, noon), ended(a, noon)))
			for _, user := range []string{"anne", "bob"} {
				if l.server.Notified(user) > 0 {
					t.Fatalf("%s: %q called %s:\n%s", mode, s, user, l.texts())
				}
			}
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"@channel", "<!here>", "[a](b)", "`x`", "1. x", "http://x", "\xff\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := markdown(s)
		if strings.ContainsAny(got, "\n\r") || strings.Contains(got, "<!") || strings.Contains(got, "](") {
			t.Errorf("%q gives %q", s, got)
		}
		if p := plain(s); strings.Contains(" "+p, " @channel") || strings.Contains(p, "<s") {
			t.Errorf("%q gives %q", s, p)
		}
	})
}
