package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/web/access"
)

// Bounds of what is worked on.
const (
	maxInFlight = 64
	maxBody     = 1 << 20
)

// A route is one door: what it is called, who may use it, how.
type route struct {
	name    string // in metrics
	pattern string
	class   func(*http.Request) access.Class
	methods []string // nil: any
	handler http.HandlerFunc
}

// probeRoute is the door that bounds by itself what is worked on behind it:
// looks take long, and must not keep pages from being answered.
const probeRoute = "probe"

// always is the class of a route that has one, however it is asked.
func always(c access.Class) func(*http.Request) access.Class {
	return func(*http.Request) access.Class { return c }
}

// table lists all routes. What is in no other row is the last one's.
func (s *Server) table() []route {
	get := []string{http.MethodGet, http.MethodHead}
	return []route{
		{"healthy", "/-/healthy", always(access.Public), get, s.healthy},
		{"ready", "/-/ready", always(access.Public), get, s.ready},
		{"status", "/{$}", always(access.Read), get, s.statusPage},
		{"probe_page", "/probes/{name}", always(access.Read), get, s.probePage},
		{"metrics", "/metrics", always(access.Read), get, s.nodePage},
		{"target", "/metrics/{job}/{id}", always(access.Read), get, s.targetPage},
		{"sd", "/sd", always(access.Read), get, s.discovery},
		{probeRoute, "/probe", always(access.Read), []string{http.MethodGet}, s.probe},
		{"reload", "/-/reload", always(access.Write), []string{http.MethodPost, http.MethodPut}, s.reload},
		{"notify_test", "/-/notify/test", always(access.Write), []string{http.MethodPost}, s.notifyTest},
		{"query", "/api/v1/", queryClass, nil, s.query},
		{"alertmanager", "/api/v2/", alertmanagerClass, nil, s.alertmanager},
		{"unknown", "/", always(access.Read), nil, s.unknown},
	}
}

// queryClass knows the questions that may be asked by POST because they can be
// long, and those that Grafana asks by POST first, to turn to GET when the API
// answers 405; any other POST would change something.
func queryClass(r *http.Request) access.Class {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return access.Read
	case http.MethodPost:
		questions := []string{"query", "query_range", "query_exemplars", "series", "labels", "format_query", "parse_query", "rules", "status/buildinfo"}
		if name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/"); ok && slices.Contains(questions, name) {
			return access.Read
		}
	}
	return access.Write
}

// alertmanagerClass: that API changes things by POST and DELETE.
func alertmanagerClass(r *http.Request) access.Class {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return access.Read
	default:
		return access.Write
	}
}

// routes makes the handler for the outside.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.table() {
		mux.Handle(rt.pattern, s.guard(rt))
	}
	return mux
}

// innerRoutes makes the handler for the engine.
func (s *Server) innerRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.innerNodePage)
	mux.HandleFunc("GET /metrics/{job}/{id}", s.innerTargetPage)
	return mux
}

// guard puts before a route's handler what all routes have in common: headers,
// method, access, bounds, counting.
func (s *Server) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.panicked(rec, rt, p)
			}
			s.metrics.requests.WithLabelValues(rt.name, strconv.Itoa(cmp.Or(rec.code, http.StatusOK))).Inc()
		}()
		secure(rec.Header())
		if rt.methods != nil && !slices.Contains(rt.methods, r.Method) {
			rec.Header().Set("Allow", strings.Join(rt.methods, ", "))
			say(rec, http.StatusMethodNotAllowed, "this takes "+strings.Join(rt.methods, " or ")+" only")
			return
		}
		class := rt.class(r)
		caller, refusal := s.options.View().Access.Check(r, class)
		if refusal != nil {
			s.refuse(rec, r, rt, refusal)
			return
		}
		if class != access.Public && rt.name != probeRoute {
			select {
			case s.slots <- struct{}{}:
				defer func() { <-s.slots }()
			default:
				rec.Header().Set("Retry-After", "5")
				s.refuse(rec, r, rt, &access.Refusal{
					Status: http.StatusServiceUnavailable, Reason: "overload", Text: "too many requests at once, try again later",
				})
				return
			}
		}
		if class == access.Write {
			level := slog.LevelInfo
			if r.URL.Path == "/api/v2/alerts" {
				level = slog.LevelDebug // a Prometheus says its alerts again and again
			}
			s.log.Log(r.Context(), level, "write was asked for", "method", r.Method, "path", r.URL.Path, "user", caller.Name, "from", r.RemoteAddr)
		}
		r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
		rt.handler(rec, r)
	})
}

// refuse answers that a request is not answered.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, rt route, refusal *access.Refusal) {
	s.metrics.refusals.WithLabelValues(refusal.Reason).Inc()
	s.log.Debug("request was refused", "route", rt.name, "method", r.Method, "reason", refusal.Reason, "from", r.RemoteAddr)
	if refusal.Challenge {
		w.Header().Set("WWW-Authenticate", `Basic realm="tocsin", charset="UTF-8"`)
	}
	say(w, refusal.Status, refusal.Text)
}

// panicked ends a request whose handler panicked, and says so in the log.
func (s *Server) panicked(rec *recorder, rt route, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint,err113 // a sentinel that is compared, not wrapped
		panic(p)
	}
	s.log.Error("request handler panicked", "route", rt.name, "panic", p, "stack", string(debug.Stack()))
	if rec.code != 0 {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	say(rec, http.StatusInternalServerError, "an error of Tocsin's own; the log has it")
}

// secure sets the headers that every answer has.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// say answers with one line of text.
func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n")) // who does not listen is not told
}

// recorder remembers the status code of an answer.
type recorder struct {
	http.ResponseWriter
	code int // 0: none was sent yet
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
