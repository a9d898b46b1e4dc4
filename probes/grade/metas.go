package grade

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// metas is what a page's own text says beside its headers: no other meta
// element counts.
type metas struct {
	policies    []string // Content-Security-Policy, each of them
	referrer    string   // the last
	hasReferrer bool
	scripts     []script
}

// A script is an element of that name.
type script struct {
	src       string // empty: it is within the page
	integrity bool
}

// readMetas reads a page as far as it can be read; browsers take anything for
// HTML, and so does the reference.
func readMetas(body []byte) metas {
	var m metas
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return m
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		switch t := z.Token(); t.DataAtom {
		case atom.Meta:
			content, _ := attribute(t, "content")
			equiv, _ := attribute(t, "http-equiv")
			name, _ := attribute(t, "name")
			if strings.EqualFold(strings.TrimSpace(equiv), "Content-Security-Policy") {
				m.policies = append(m.policies, content)
			}
			if strings.EqualFold(strings.TrimSpace(name), "referrer") {
				m.referrer, m.hasReferrer = content, true
			}
		case atom.Script:
			src, _ := attribute(t, "src")
			_, checked := attribute(t, "integrity")
			m.scripts = append(m.scripts, script{src: strings.TrimSpace(src), integrity: checked})
		}
	}
}

func attribute(t html.Token, name string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
