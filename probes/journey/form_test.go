package journey

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

func TestReadForms(t *testing.T) {
	const page = `<input name=outside><form METHOD=Post action=" /a?b&amp;c "><input type=HIDDEN name=csrf value='a"b'><select name=s></select>
		<form action=/inner><textarea name=t></textarea></form><input name=after></form><!-- <form> --><form><button name=b>x</button><button type=button name=c></button></form>
		<script>"<form><input name=script>"</script>`
	var got []string
	for _, f := range readForms([]byte(page)) {
		got = append(got, f.method+" "+f.action+": "+strings.Join(f.names(), " ")+" | "+string(f.encode()))
	}
	if diff := cmp.Diff([]string{"POST /a?b&c: s t | csrf=a%22b&s=&t=", " : b c | "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestForm_sendsItself(t *testing.T) {
	for page, want := range map[string]bool{
		`<form method=post action=x><input type=hidden name=SAMLRequest value=x><input type=hidden name=RelayState><noscript><input type=submit></noscript></form>`: true,
		`<form method=post><input type=hidden name=SAMLResponse value=x></form>`:                                                                                    true,
		`<form method=post><input type=hidden name=state value=x><input type=hidden name=id_token value=x></form>`:                                                  true,
		`<form method=post><input type=hidden name=state value=x></form>`:                                                                                           false,
		`<form method=post><input type=hidden name=SAMLRequest value=x><input name=user><input type=password name=password></form>`:                                 false,
		`<form><input type=hidden name=SAMLRequest value=x></form>`:                                                                                                 false,
		`<form method=post><input type=hidden name=csrf value=x><button>Log out</button></form>`:                                                                    false,
	} {
		forms := readForms([]byte(page))
		if len(forms) != 1 || forms[0].sendsItself() != want {
			t.Errorf("%s: want %t", page, want)
		}
	}
}

func TestFormTarget(t *testing.T) {
	at, err := url.Parse("https://sp.example/login?x=1")
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]string{
		"":                             "https://sp.example/login?x=1",
		"/acs":                         "https://sp.example/acs",
		"https://idp.example":          "https://idp.example/",
		"https://u:p@idp.example/a#b":  "https://idp.example/a",
		"http://idp.example/sso?token": "without TLS, to http://idp.example/sso?…",
		"javascript:alert(1)":          "for no web address",
		"https://%zz":                  "cannot be read",
	} {
		got, err := formTarget(at, &form{action: action, fields: []field{{name: "SAMLRequest"}}})
		if err == nil && got.String() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %s", action, got, err, want)
		}
	}
}

func TestFillURL(t *testing.T) {
	values := map[string]string{"id": "a/b?c&d=é", "next": "https://else.example/x?y=1"}
	for text, want := range map[string]string{
		"/items/${id}":        "/items/a%2Fb%3Fc&d=%C3%A9",
		"/x?id=${id}&z=${id}": "/x?id=a%2Fb%3Fc%26d%3D%C3%A9&z=a%2Fb%3Fc%26d%3D%C3%A9",
		"${next}":             "https://else.example/x?y=1",
		"/a$b":                "/a$b",
	} {
		if got := fillURL(text, values); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

// FuzzReadForms: whatever a page has is read within bounds, and none of it is
// sent but to an address of the web.
func FuzzReadForms(f *testing.F) {
	f.Add(`<form method=post action=/sso><input type=hidden name=SAMLRequest value=x></form>`, "/next?${a}", "v")
	f.Add(`<form><form></form><select name="a">`, "${a}", "https://x.example")
	at := &url.URL{Scheme: "https", Host: "sp.example", Path: "/"}
	f.Fuzz(func(t *testing.T, page, address, value string) {
		forms := readForms([]byte(page))
		if len(forms) > maxForms {
			t.Fatalf("%d forms", len(forms))
		}
		for i := range forms {
			if len(forms[i].fields) > maxFields {
				t.Fatalf("%d fields", len(forms[i].fields))
			}
			forms[i].sendsItself()
			forms[i].encode()
			if to, err := formTarget(at, &forms[i]); err == nil && (to.Scheme != "https" || to.Hostname() == "" || to.User != nil) {
				t.Fatalf("%s", to)
			}
		}
		filled := fillURL(address, map[string]string{"a": value})
		if !isValue(address) && strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") {
			if u, err := at.Parse(filled); err == nil && u.Host != at.Host && !strings.Contains(address, `\`) {
				t.Fatalf("%q with %q leads to %s", address, value, u)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	text := secret.New
	for _, c := range []struct {
		step Step
		want string
	}{
		{Step{URL: "/"}, "journey[0].step: is missing; write a short name, as login"},
		{Step{Name: "Se connecter", URL: "/"}, "journey[0].step: is no name of a step; use small letters, digits, - and _, at most 40, as login"},
		{Step{Name: "a"}, "journey[0].url: is missing; write a path of the target, as /login/, or a whole address"},
		{Step{Name: "a", URL: "login"}, "journey[0].url: is neither a path nor an address; write it as /login/ or https://connexion.ville.example/login/"},
		{Step{Name: "a", URL: "//else.example"}, "journey[0].url: is neither a path nor an address; write it as /login/ or https://connexion.ville.example/login/"},
		{Step{Name: "a", URL: "https://u:p@x.example/"}, "journey[0].url: has a user or a password in it; take them out"},
		{Step{Name: "a", URL: "/?t=${token}"}, "journey[0].url: puts in ${token}, which no earlier step extracts; extract it before"},
		{Step{Name: "a", URL: "/", Form: map[string]secret.Text{"x": text("${}")}}, "journey[0].form.x: has a ${ that begins no name of a value; write one as ${token}"},
		{Step{Name: "a", URL: "/", Method: "GET", Form: map[string]secret.Text{"x": text("y")}}, "journey[0].method: GET sends nothing; write method: POST beside form or request_body"},
		{Step{Name: "a", URL: "/", Form: map[string]secret.Text{"x": text("y")}, RequestBody: text("z")}, "journey[0].request_body: cannot go with form: a request has one body; take one of them out"},
		{Step{Name: "a", URL: "/", Headers: map[string]secret.Text{"X": text("a\nb")}}, "journey[0].headers.X: has a value that no header can have; take out line ends and control characters"},
		{Step{Name: "a", URL: "/", EndsAt: "connexion.ville.example"}, "journey[0].ends_at: is no beginning of an address; write it as https://connexion.ville.example/login"},
		{Step{Name: "a", URL: "/", Extract: map[string]Extract{"x": {}}}, "journey[0].extract.x: must be found in one way; write one of field, matches, json and header"},
		{Step{Name: "a", URL: "/", Extract: map[string]Extract{"X": {Field: "f"}}}, "journey[0].extract.X: is no name of a value; use small letters, digits and _, as token"},
		{Step{Name: "a", URL: "/", Extract: map[string]Extract{"x": {JSON: "body.a == 1"}}}, "journey[0].extract.x.json: is no expression that gives a value: it gives a bool, and must give a text or a number; write one as body.items[0].id"},
		{Step{Name: "a", URL: "/", Status: []string{"ok"}}, `journey[0].status[0]: is no status; write one as 200, a range as 200-204, or a class as "2xx"`},
		{Step{Name: "a", URL: "/", Body: Body{Matches: "("}}, "journey[0].body.matches: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as (?i)welcome"},
	} {
		c.step.SetDefaults()
		found := problem.New()
		Validate(found.At("journey"), []Step{c.step})
		var got []string
		for _, p := range found.All() {
			got = append(got, p.Path+": "+p.Text)
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), c.want)
		}
	}
	first := Step{Name: "a", URL: "/", Extract: map[string]Extract{"x": {Field: "f"}}}
	chosen := Step{Name: "a", URL: "${x}", Form: map[string]secret.Text{"p": text("y")}}
	first.SetDefaults()
	chosen.SetDefaults()
	found := problem.New()
	Validate(found, []Step{first, chosen})
	if got := found.All(); len(got) != 2 || !strings.Contains(got[0].Text, "the name of an earlier step") || !strings.Contains(got[1].Text, "is chosen by a page") {
		t.Errorf("%v", got)
	}
	if DefaultEvery < time.Minute {
		t.Error("a journey costs more than that")
	}
}
