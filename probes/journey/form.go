package journey

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// What is read of a page is bounded: more forms, or more fields, than these
// are not seen.
const (
	maxForms  = 50
	maxFields = 500
)

// A form is a form of a page.
type form struct {
	method, action string // as the page has them
	fields         []field
}

// A field is a named input, select or textarea.
type field struct {
	name, value, kind string
}

// readForms finds the forms of a page, in their order. A field outside any
// form belongs to none.
func readForms(page []byte) []form {
	var forms []form
	var current *form
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(len(page) + 1)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return forms
		case html.EndTagToken:
			if name, _ := z.TagName(); atom.Lookup(name) == atom.Form {
				current = nil
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Form:
				// A form within a form is none, as browsers see it.
				if current != nil || len(forms) >= maxForms {
					continue
				}
				forms = append(forms, form{method: strings.ToUpper(attribute(t, "method")), action: strings.TrimSpace(attribute(t, "action"))})
				current = &forms[len(forms)-1]
			case atom.Input, atom.Select, atom.Textarea, atom.Button:
				if current == nil || len(current.fields) >= maxFields {
					continue
				}
				f := field{name: attribute(t, "name"), value: attribute(t, "value"), kind: strings.ToLower(attribute(t, "type"))}
				switch {
				case t.DataAtom == atom.Button && f.kind == "", t.DataAtom == atom.Button && f.kind == "button":
					f.kind = "submit"
				case t.DataAtom != atom.Input && t.DataAtom != atom.Button:
					f.kind = "text"
				}
				current.fields = append(current.fields, f)
			}
		}
	}
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// value is a field's value, the first of its name.
func (f *form) value(name string) (string, bool) {
	for _, x := range f.fields {
		if x.name == name {
			return x.value, true
		}
	}
	return "", false
}

func (f *form) has(name string) bool {
	_, ok := f.value(name)
	return ok
}

// names are those of the fields that a user sees, for messages; hidden ones
// too where there are no others.
func (f *form) names() []string {
	var seen, all []string
	for _, x := range f.fields {
		if x.name == "" || slices.Contains(all, x.name) {
			continue
		}
		all = append(all, x.name)
		if x.kind != "hidden" {
			seen = append(seen, x.name)
		}
	}
	if seen == nil {
		return all
	}
	return seen
}

// sendsItself tells whether a browser sends the form without its user: SAML's
// POST binding and OpenID's form_post, whose pages have a script that submits
// a form of hidden fields.
//
// Sources: SAML Bindings 2.0, section 3.5; OAuth 2.0 Form Post Response Mode.
func (f *form) sendsItself() bool {
	if f.method != http.MethodPost {
		return false
	}
	for _, x := range f.fields {
		if x.kind != "hidden" && x.kind != "submit" && x.kind != "image" {
			return false
		}
	}
	openID := f.has("state") && (f.has("code") || f.has("id_token") || f.has("error"))
	return f.has("SAMLRequest") || f.has("SAMLResponse") || openID
}

// what says what a form that sends itself carries.
func (f *form) what() string {
	for _, name := range []string{"SAMLRequest", "SAMLResponse"} {
		if f.has(name) {
			return name
		}
	}
	return "OpenID answer"
}

// encode writes the fields as a browser sends them: named ones, without the
// buttons.
func (f *form) encode() []byte {
	values := url.Values{}
	for _, x := range f.fields {
		if x.name != "" && x.kind != "submit" && x.kind != "image" {
			values.Add(x.name, x.value)
		}
	}
	return []byte(values.Encode())
}
