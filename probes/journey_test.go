package probes

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tocsin/internal/secret"
	"tocsin/probes/httpprobe"
	journeys "tocsin/probes/journey" // journey is a type of a neighbouring test
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// town is a site with a form against forged requests, a search, an interface
// in JSON, and a login by a form that sends itself.
func town(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Ville</title>"+text)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "visitor-0001"})
		page(w, `<form><input name=q></form><form method=post action=/search><input type=hidden name=csrf value="tok+en/=1234567"><input name=q><button>Go</button></form>`)
	})
	mux.HandleFunc("POST /search", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		if err != nil || cookie.Value != "visitor-0001" || r.FormValue("csrf") != "tok+en/=1234567" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("X-Found", "12")
		page(w, "Résultats pour "+r.FormValue("q")+` <a href="/items/état-civil">1</a>`)
	})
	mux.HandleFunc("GET /items/{item}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"item": {"id": 7, "name": %q, "next": "http://%s/next?page=2"}}`, r.PathValue("item"), r.Host)
	})
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) {
		page(w, "page "+r.FormValue("page")+" of "+r.FormValue("id"))
	})
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/start?secret=x", http.StatusFound) })
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		page(w, `<body onload="document.forms[0].submit()"><form method="post" action="/sso?x=1"><input type="hidden" name="SAMLRequest" value="PHNhbWw+"/>`+
			`<input type="hidden" name="RelayState" value="r&amp;s"/><input type="submit" value="Go"/></form>`)
	})
	mux.HandleFunc("POST /sso", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("SAMLRequest") != "PHNhbWw+" || r.PostFormValue("RelayState") != "r&s" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		page(w, `<form method=post><input type=hidden name=csrfmiddlewaretoken value=abc><input name=username><input type=password name=password></form>`)
	})
	mux.HandleFunc("GET /endless", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<form method=post action=/endless><input type=hidden name=SAMLResponse value=x></form>`)
	})
	mux.HandleFunc("POST /endless", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<form method=post action=/endless><input type=hidden name=SAMLResponse value=x></form>`)
	})
	return probetest.HTTP(t, mux).URL
}

func TestJourney(t *testing.T) {
	site := town(t)
	home := journeys.Step{Name: "home", URL: "/", Body: journeys.Body{Contains: "Ville"}, Extract: map[string]journeys.Extract{"csrf": {Field: "csrf"}}}
	search := journeys.Step{
		Name: "search", URL: "/search", Form: map[string]secret.Text{"q": secret.New("eau"), "csrf": secret.New("${csrf}")},
		Body: journeys.Body{Matches: `Résultats pour eau`, NotMatches: "error"}, Extract: map[string]journeys.Extract{
			"item": {Matches: `href="/items/([^"]+)"`}, "found": {Header: "X-Found"},
		},
	}
	item := journeys.Step{Name: "item", URL: "/items/${item}", Body: journeys.Body{JSON: `body.item.name == "état-civil"`}, Extract: map[string]journeys.Extract{
		"id": {JSON: "body.item.id"}, "next": {JSON: "body.item.next"},
	}}
	login := journeys.Step{Name: "login", URL: "/login", EndsAt: site + "/sso", Fields: []string{"username", "password"}}
	for _, c := range []struct {
		name   string
		steps  []journeys.Step
		reason probe.Reason
		phase  string
		failed string
		text   string
	}{
		{"all is well", []journeys.Step{
			home, search, item,
			{Name: "by-parameter", URL: "/next?page=1&id=${id}", Body: journeys.Body{Contains: "page 1 of 7"}},
			{Name: "chosen", URL: "${next}", Body: journeys.Body{Contains: "page 2"}},
			login,
		}, "", "", "", ""},
		{"a cookie is missing", []journeys.Step{
			{Name: "search", URL: "/search", Form: map[string]secret.Text{"csrf": secret.New("tok+en/=1234567")}},
		}, probe.Status, "processing", "search", "step search (1 of 1): the answer is 403 Forbidden, not 2xx, at " + site + "/search"},
		{
			"no such field",
			[]journeys.Step{{Name: "home", URL: "/", Extract: map[string]journeys.Extract{"csrf": {Field: "token"}}}, search},
			probe.Body, "transfer", "home", "csrf is not found in the answer of " + site + "/: no form has the field token; it has forms with (q), (q)",
		},
		{
			"no login form",
			[]journeys.Step{home, {Name: "login", URL: "/", Fields: []string{"username", "password"}}},
			probe.Body, "transfer", "login", "step login (2 of 2): the page at " + site + "/ has no form with the fields username, password; it has forms with (q), (q)",
		},
		{
			"it ends elsewhere",
			[]journeys.Step{{Name: "login", URL: "/login", EndsAt: "https://connexion.ville.example/"}},
			probe.Redirect, "processing", "login", "the way ended at " + site + "/sso?…, not at https://connexion.ville.example/",
		},
		{
			"a form that sends itself again and again",
			[]journeys.Step{{Name: "endless", URL: "/endless"}},
			probe.Redirect, "processing", "endless", "more than 5 forms that send themselves",
		},
		{
			"redirects are not followed",
			[]journeys.Step{{Name: "login", URL: "/login", FollowRedirects: new(false), Status: []string{"302"}, Fields: []string{"username"}}},
			probe.Body, "transfer", "login", "has no form with the fields username; it has no form",
		},
		{"content", []journeys.Step{{Name: "home", URL: "/", Body: journeys.Body{Contains: "Bienvenue"}}}, probe.Body, "transfer", "home", `does not contain "Bienvenue"`},
		{"no JSON", []journeys.Step{{Name: "home", URL: "/", Body: journeys.Body{JSON: "body.x == 1"}}}, probe.Body, "transfer", "home", "the body is no JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{Target: site, HTTP: httpprobe.Config{Journey: c.steps}}, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.text) {
				t.Errorf("it says %q, without %q", r.Explain(), c.text)
			}
			if c.failed != "" {
				page.wants(t, fmt.Sprintf("probe_journey_failed_step_info{step=%q}", c.failed), 1)
				page.wants(t, fmt.Sprintf("probe_journey_step_success{step=%q}", c.failed), 0)
				return
			}
			page.lacks(t, "probe_journey_failed_step_info")
			page.wants(t, `probe_journey_step_success{step="login"}`, 1)
			page.wants(t, `probe_journey_step_requests{step="login"}`, 3)
			page.wants(t, "probe_http_redirects", 1)
			told := fmt.Sprintf("%+v", r)
			for _, hidden := range []string{"tok+en", url.QueryEscape("tok+en/=1234567"), "visitor-0001", "PHNhbWw", "secret=x"} {
				if strings.Contains(told, hidden) {
					t.Errorf("the result shows %s", hidden)
				}
			}
		})
	}
}

// What a step sends goes to its own host, and nowhere that redirects lead.
func TestJourney_sendsNothingElsewhere(t *testing.T) {
	var got http.Header
	var body string
	elsewhere := probetest.HTTP(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got, body = r.Header.Clone(), r.PostForm.Encode()
	}))
	away := strings.Replace(elsewhere.URL, "127.0.0.1", "elsewhere.example", 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s", Domain: "example"})
		http.Redirect(w, r, away, http.StatusTemporaryRedirect)
	})
	site := strings.Replace(probetest.HTTP(t, mux).URL, "127.0.0.1", "portail.example", 1)
	cfg := Config{Target: site, HTTP: httpprobe.Config{
		Headers: map[string]secret.Text{"X-Entry": secret.New("entry-secret")},
		Journey: []journeys.Step{{
			Name: "post", URL: "/", Headers: map[string]secret.Text{"X-Step": secret.New("step-secret")},
			Form: map[string]secret.Text{"password": secret.New("form-secret")},
		}},
	}}
	cfg.Login.Username, cfg.Login.Password = "moni", secret.New("login-secret")
	r, page := look(t, cfg, Options{Lookup: localhost})
	wantReason(t, r, page, "", "")
	for _, name := range []string{"X-Entry", "X-Step", "Authorization", "Cookie"} {
		if got.Get(name) != "" {
			t.Errorf("%s was sent elsewhere", name)
		}
	}
	if got == nil || body != "" {
		t.Errorf("the form was sent elsewhere: %s", body)
	}
}
