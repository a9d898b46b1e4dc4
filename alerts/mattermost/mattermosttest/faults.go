package mattermosttest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// A Kind is a way in which a server fails.
type Kind int

// The ways.
const (
	Hang       Kind = iota // no answer, until the client gives up
	CloseHalf              // the connection closes in the middle of the answer
	Status                 // the status of the fault, with an error of the server's form
	HTML                   // the status of the fault, with a page as a proxy makes it
	BrokenJSON             // the request is carried out; the answer is cut JSON
	LoseAnswer             // the request is carried out; no answer comes
	Wait                   // 429, with the fault's RetryAfter
	Redirect               // 307 to the fault's Location
	Flood                  // the request is carried out; the answer does not end
)

// A Fault makes requests fail.
type Fault struct {
	Kind       Kind
	Times      int    // how many requests; 0 is 1, negative is all
	Method     string // of which method; empty is any
	Path       string // whose path contains this; empty is any
	Status     int    // of Status and HTML; 0 is 500
	RetryAfter string // of Wait; 0 is none
	Location   string // of Redirect
}

// Fail adds a fault. The oldest that fits a request is used.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take returns the fault that a request meets, or nil. The caller holds mu.
func (s *Server) take(r *http.Request) *Fault {
	for _, f := range s.faults {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		f.Times--
		return f
	}
	return nil
}

// handler answers one request at a time, but for those that hang.
func (s *Server) handler() http.Handler {
	routes := s.routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))

		s.mu.Lock()
		fault := s.take(r)
		recorded := httptest.NewRecorder()
		switch {
		case fault != nil && !fault.carriesOut():
		case !s.allow(recorded):
		default:
			routes.ServeHTTP(recorded, r)
		}
		done := Request{Method: r.Method, Path: r.URL.Path, Body: body}
		if fault == nil {
			done.Status = recorded.Code
		}
		s.requests = append(s.requests, done)
		s.mu.Unlock()

		if fault == nil {
			copyAnswer(w, recorded)
			return
		}
		s.fail(w, r, fault, recorded)
	})
}

func (f *Fault) carriesOut() bool {
	return f.Kind == BrokenJSON || f.Kind == LoseAnswer || f.Kind == Flood
}

// fail plays the fault's answer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Fault, recorded *httptest.ResponseRecorder) {
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	switch f.Kind {
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	case LoseAnswer:
		panic(http.ErrAbortHandler)
	case CloseHalf:
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"id": "`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case BrokenJSON:
		w.WriteHeader(recorded.Code)
		_, _ = io.WriteString(w, `{"id": "`)
	case Status:
		s.mu.Lock()
		s.refuse(w, r, f.Status, "api.fake.fault.app_error")
		s.mu.Unlock()
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = fmt.Fprintf(w, "<html><body>Bad gateway for %s %s</body></html>", r.URL.Path, r.Header.Get("Authorization"))
	case Wait:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		limitExceeded(w)
	case Redirect:
		http.Redirect(w, r, f.Location, http.StatusTemporaryRedirect)
	case Flood:
		w.WriteHeader(recorded.Code)
		_, _ = io.WriteString(w, `{"id": "`)
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	}
}

// allow takes a token from the bucket, or answers 429. The caller holds mu.
func (s *Server) allow(w http.ResponseWriter) bool {
	if s.settings.RatePerSecond <= 0 {
		return true
	}
	now, burst := s.now(), float64(s.settings.Burst)
	if s.filled.IsZero() {
		s.bucket = burst
	} else {
		s.bucket = math.Min(burst, s.bucket+now.Sub(s.filled).Seconds()*s.settings.RatePerSecond)
	}
	s.filled = now
	if s.bucket >= 1 {
		s.bucket--
		return true
	}
	wait := time.Duration((1 - s.bucket) / s.settings.RatePerSecond * float64(time.Second))
	seconds := fmt.Sprint(int(math.Ceil(wait.Seconds())))
	w.Header().Set("Retry-After", seconds)
	w.Header().Set("X-Ratelimit-Limit", fmt.Sprint(s.settings.Burst))
	w.Header().Set("X-Ratelimit-Remaining", "0")
	w.Header().Set("X-Ratelimit-Reset", seconds)
	limitExceeded(w)
	return false
}

// limitExceeded is the one error that is not JSON.
func limitExceeded(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, "limit exceeded\n")
}

func copyAnswer(w http.ResponseWriter, recorded *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), recorded.Header())
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes())
}
