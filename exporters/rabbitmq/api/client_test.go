package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

// asks returns a client of a server that answers as handler does.
func asks(t *testing.T, o Options, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.URL = server.URL
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A broker, or what stands in its place, can answer anything: each answer that
// is none costs its own reason, and says what to change.
func TestGet_answersThatAreNone(t *testing.T) {
	login := Options{Username: "monitor", Password: secret.Source{Value: secret.New("hunter2")}}
	for name, test := range map[string]struct {
		opts    Options
		handler http.HandlerFunc
		reason  frame.Reason
		words   string
	}{
		"a web page":       {Options{}, answer(200, "<!DOCTYPE html><html>hunter2</html>"), frame.ReasonRefused, "web page (HTML) in place of JSON; does the URL lead to the management API"},
		"truncated":        {Options{}, answer(200, `{"node": "a", "x": [1, 2`), frame.ReasonError, "ends in the middle of the JSON"},
		"nothing":          {Options{}, answer(200, ``), frame.ReasonError, "ends in the middle of the JSON"},
		"no JSON":          {Options{}, answer(200, `hunter2 {`), frame.ReasonError, "its answer is no JSON"},
		"a list":           {Options{}, answer(200, `[1]`), "", ""},
		"500 in part":      {Options{}, answer(500, `{"node": "a"}`), frame.ReasonError, "status 500 Internal Server Error, so that what it sent is not used"},
		"starting":         {Options{}, answer(503, ``), frame.ReasonUnreachable, "starting"},
		"no plugin":        {Options{}, answer(404, ``), frame.ReasonRefused, "does not know this path (status 404)"},
		"nobody logs in":   {Options{}, answer(401, ``), frame.ReasonRefused, "wants a log-in (status 401); write username and password_file"},
		"wrong password":   {login, answer(401, `{"error":"not_authorised","reason":"Login failed"}`), frame.ReasonRefused, "refuses user monitor (status 401); is the password right"},
		"no tag":           {login, answer(401, `{"error":"not_authorised","reason":"Not management user"}`), frame.ReasonRefused, "lacks the tag monitoring; give it by: rabbitmqctl set_user_tags monitor monitoring"},
		"guest from afar":  {login, answer(401, `{"error":"not_authorised","reason":"User can only log in via localhost"}`), frame.ReasonRefused, "from the broker's own machine only"},
		"too deep":         {Options{}, answer(200, strings.Repeat(`{"a":`, 50)+"1"+strings.Repeat("}", 50)), frame.ReasonError, "nested deeper than 32 levels"},
		"too large":        {Options{}, answer(200, `{"a":"`+strings.Repeat("x", maxAnswer)+`"}`), frame.ReasonError, "larger than 16 MiB"},
		"it redirects":     {Options{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://elsewhere.example/", 302) }, frame.ReasonRefused, "redirects (status 302)"},
		"no password file": {Options{Username: "monitor", Password: secret.Source{File: "/does/not/exist"}}, answer(200, "{}"), frame.ReasonPermission, "/does/not/exist"},
		"after a minute": {Options{Timeout: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			frame.ReasonTimeout, "does not answer in time"},
		"half, then silence": {Options{Timeout: 100 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"node": "a",`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, frame.ReasonTimeout, "does not answer in time"},
		"cut": {Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"node": `)
			panic(http.ErrAbortHandler)
		}, frame.ReasonUnreachable, "cut before the answer's end"},
	} {
		t.Run(name, func(t *testing.T) {
			var into Object
			err := asks(t, test.opts, test.handler).Get(t.Context(), "/api/overview", nil, &into)
			if test.words == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || frame.ReasonOf(err) != test.reason || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v (%s), want %s: %s", err, frame.ReasonOf(err), test.reason, test.words)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "127.0.0.1:") && name != "a web page") {
				t.Errorf("the error repeats what it must not: %v", err)
			}
		})
	}
}

func TestGet_nobodyThere(t *testing.T) {
	for address, words := range map[string]string{
		"http://127.0.0.1:1":           "connection is refused",
		"http://nowhere.invalid:15672": "its name does not resolve",
	} {
		c, err := New(Options{URL: address, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Get(t.Context(), "/api/overview", nil, new(Object))
		if err == nil || frame.ReasonOf(err) != frame.ReasonUnreachable || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v (%s)", address, err, frame.ReasonOf(err))
		}
	}
}

func TestGet_certificates(t *testing.T) {
	server := httptest.NewTLSServer(answer(200, "{}"))
	defer server.Close()
	plain := httptest.NewServer(answer(200, "{}"))
	defer plain.Close()
	for address, words := range map[string]string{
		server.URL: "authority that is not trusted; name it by ca_file",
		strings.Replace(plain.URL, "http:", "https:", 1): "wrong scheme",
	} {
		c, err := New(Options{URL: address, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err = c.Get(t.Context(), "/", nil, new(Object)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", address, err)
		}
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + ".missing"} {
		if _, err := New(Options{CAFile: name}); err == nil || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list comes in pages, each asked for when the one before is done.
func TestEach_pages(t *testing.T) {
	var asked []string
	c := asks(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("page")+"/"+r.URL.Query().Get("page_size")+"/"+r.URL.Query().Get("columns"))
		_, _ = fmt.Fprintf(w, `{"filtered_count": 3, "items": [{"name": "q%s", "messages": 1, "message_stats": {"ack": 2}, "head_message_timestamp": null, "consumer_utilisation": ""}],
			"page": 1, "page_count": 3}`, r.URL.Query().Get("page"))
	})
	var names []string
	err := Each(t.Context(), c, "/api/queues", []string{"name", "messages"}, func(o *Object) error {
		names = append(names, o.Text("name"))
		acks, _ := o.Number("message_stats.ack")
		if _, ok := o.Number("consumer_utilisation"); ok || acks != 2 {
			t.Errorf("%v acks; a word passes for a number: %t", acks, ok)
		}
		return nil
	})
	if got, want := fmt.Sprint(err, names, asked), "<nil> [q1 q2 q3] [1/500/name,messages 2/500/name,messages 3/500/name,messages]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	mine := errors.New("enough")
	if err := Each(t.Context(), c, "/api/queues", nil, func(*Object) error { return mine }); !errors.Is(err, mine) || len(asked) != 4 {
		t.Errorf("%v after %d pages", err, len(asked))
	}
}

func TestEach_listsThatAreNone(t *testing.T) {
	for body, words := range map[string]string{
		`{"page_count": 1}`:                "no list",
		`"text"`:                           "no list",
		`{"items": {}}`:                    "no JSON",
		`{"items": [{"name": "a"}`:         "ends in the middle",
		`{"items": [], "page_count": "x"}`: "does not understand",
		`{"items": [], "page_count": 999}`: "too many to ask for",
		`[{"name": "a"},`:                  "ends in the middle",
	} {
		err := Each(t.Context(), asks(t, Options{}, answer(200, body)), "/api/queues", nil, func(*Object) error { return nil })
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %s", body, err, words)
		}
	}
}

// The plugin's page seldom wants a log-in: a password goes only to who asks.
func TestOpen_coy(t *testing.T) {
	var sent []bool
	protected := false
	c := asks(t, Options{Username: "monitor", Password: secret.Source{Value: secret.New("hunter2")}, Coy: true}, func(w http.ResponseWriter, r *http.Request) {
		_, _, ok := r.BasicAuth()
		sent = append(sent, ok)
		if protected && !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	get := func() {
		t.Helper()
		body, err := c.Open(context.Background(), "/metrics", nil, "text/plain", 10)
		if err != nil {
			t.Fatal(err)
		}
		_ = body.Close()
	}
	get()
	protected = true
	get()
	get()
	if got := fmt.Sprint(sent); got != "[false false true true]" {
		t.Errorf("the password went along: %s", got)
	}
}

func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a": {"b": [1, {"c": 2}], "d": true}, "e": "x", "f": null}`, `[1]`, `{"a": 1e999}`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		var o Object
		if o.UnmarshalJSON([]byte(text)) == nil {
			o.Number("a.b")
			o.Text("e")
		}
	})
}
