package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"tocsin/internal/frame"
)

// Bounds of single handlers.
const (
	reloadTimeout = 2 * time.Minute
	// notifyTestTimeout leaves a voice that was given a pause the time to end it.
	notifyTestTimeout = 75 * time.Second
	statusTimeout     = 8 * time.Second
	maxReloadError    = 64 << 10
)

func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusOK, "Tocsin is running.")
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if ok, why := s.options.Ready(); !ok {
		say(w, http.StatusServiceUnavailable, "Tocsin is not ready: "+why)
		return
	}
	say(w, http.StatusOK, "Tocsin is ready.")
}

// reload loads the configuration anew, one at a time. It goes on when whoever
// asked hangs up: a configuration is not left half loaded.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if !s.reloading.TryLock() {
		say(w, http.StatusConflict, "a reload is under way already")
		return
	}
	defer s.reloading.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), reloadTimeout)
	defer cancel()
	if err := s.options.Reload(ctx); err != nil {
		text := strings.ToValidUTF8(err.Error(), "\uFFFD")
		if len(text) > maxReloadError {
			text = strings.ToValidUTF8(text[:maxReloadError], "") + " …"
		}
		say(w, http.StatusInternalServerError, "the configuration was refused, the former one stays in force:\n"+text)
		return
	}
	say(w, http.StatusOK, "the configuration was reloaded")
}

// notifyTest sends a test alert the whole way.
func (s *Server) notifyTest(w http.ResponseWriter, r *http.Request) {
	if s.options.TestAlert == nil {
		say(w, http.StatusNotFound, "the engine is off on this instance: it says nothing, ask the hub")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), notifyTestTimeout)
	defer cancel()
	var account strings.Builder
	if err := s.options.TestAlert(ctx, &account); err != nil {
		say(w, http.StatusBadGateway, account.String()+"not delivered: "+err.Error())
		return
	}
	say(w, http.StatusOK, strings.TrimSuffix(account.String(), "\n"))
}

func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	s.mount(w, r, s.options.View().QueryAPI)
}

func (s *Server) alertmanager(w http.ResponseWriter, r *http.Request) {
	s.mount(w, r, s.options.View().Alertmanager)
}

// mount hands a request on to the engine.
func (s *Server) mount(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	if engine == nil {
		say(w, http.StatusNotFound, "the engine is off on this instance: it stores and judges nothing, ask the hub")
		return
	}
	engine.ServeHTTP(w, r)
}

func (s *Server) unknown(w http.ResponseWriter, _ *http.Request) {
	s.missing(w, "there is no such page; / shows how things stand, /sd lists what is measured here",
		"il n’y a pas de telle page\u00a0; / montre comment va le site, /sd liste ce qui est mesuré ici")
}

// missing answers people who look for a page that there is not, in the site's
// language.
func (s *Server) missing(w http.ResponseWriter, english, french string) {
	if s.options.View().Language == "fr" {
		english = french
	}
	say(w, http.StatusNotFound, english)
}

// statusPage draws the page that people read.
func (s *Server) statusPage(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), statusTimeout)
	defer cancel()
	var page bytes.Buffer
	if err := s.status.Draw(&page, s.options.Status(ctx)); err != nil {
		s.log.Error("status page could not be drawn", "err", err)
		say(w, http.StatusInternalServerError, "the status page could not be drawn; the log says why")
		return
	}
	w.Header().Set("Content-Security-Policy", s.status.Policy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.send(w, r, &page, true)
}

// probePage draws the page of one probe.
func (s *Server) probePage(w http.ResponseWriter, r *http.Request) {
	if s.options.Probe == nil {
		s.unknown(w, r)
		return
	}
	probe, ok := s.options.Probe(r.PathValue("name"))
	if !ok {
		s.missing(w, "no probe of this instance has that name; / lists those that there are",
			"aucune sonde de cette instance n’a ce nom\u00a0; / liste celles qui existent")
		return
	}
	var page bytes.Buffer
	if err := s.status.DrawProbe(&page, probe); err != nil {
		s.log.Error("page of a probe could not be drawn", "err", err)
		say(w, http.StatusInternalServerError, "the page could not be drawn; the log says why")
		return
	}
	w.Header().Set("Content-Security-Policy", s.status.Policy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.send(w, r, &page, true)
}

// index finds the targets of one view: there may be thousands, each asked for
// every few seconds.
type index struct {
	view *View
	at   map[[2]string]*frame.Target // by job and id
}

// target finds a target by the path's job and id; nil where there is none.
func (s *Server) target(r *http.Request) *frame.Target {
	view := s.options.View()
	known := s.index.Load()
	if known == nil || known.view != view {
		known = &index{view: view, at: make(map[[2]string]*frame.Target, len(view.Targets))}
		for _, t := range view.Targets {
			spec := t.Spec()
			known.at[[2]string{spec.Job, spec.ID}] = t
		}
		s.index.Store(known)
	}
	return known.at[[2]string{r.PathValue("job"), r.PathValue("id")}]
}
