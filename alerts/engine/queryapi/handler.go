package queryapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const prefix = "/api/v1/"

// An api serves the requests. It has no state but the places in use.
type api struct {
	Options
	routes map[string]route
	slots  chan struct{} // one for each request that reads the storage
	zips   *sync.Pool    // of *gzip.Writer
}

// A route is one endpoint.
type route struct {
	methods []string
	reads   bool // it reads the storage, and so needs a place
	serve   func(*http.Request, *reply) error
}

// table lists the endpoints. Grafana sends everything by POST first and turns
// to GET when it is told 405, so the methods matter.
func (a *api) table() map[string]route {
	get := []string{http.MethodGet}
	both := []string{http.MethodGet, http.MethodPost}
	return map[string]route{
		"query":            {both, true, a.query},
		"query_range":      {both, true, a.queryRange},
		"query_exemplars":  {both, false, a.queryExemplars},
		"format_query":     {both, false, a.formatQuery},
		"series":           {both, true, a.series},
		"labels":           {both, true, a.labelNames},
		"label":            {get, true, a.labelValues},
		"metadata":         {get, false, a.metadata},
		"rules":            {get, false, a.rules},
		"alerts":           {get, false, a.alerts},
		"targets":          {get, false, a.targets},
		"status/buildinfo": {get, false, a.buildInfo},
	}
}

// find returns the endpoint of a request, and puts the label's name of
// label/<name>/values in the request.
func (a *api) find(r *http.Request) (route, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok || path == "label" {
		return route{}, false
	}
	if rest, ok := strings.CutPrefix(path, "label/"); ok {
		name, ok := strings.CutSuffix(rest, "/values")
		if !ok || name == "" || strings.Contains(name, "/") {
			return route{}, false
		}
		r.SetPathValue("name", name)
		path = "label"
	}
	found, ok := a.routes[path]
	return found, ok
}

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint, ok := a.find(r)
	if !ok {
		a.refuse(w, r, fail(notFound, fmt.Errorf("%s is not served here", r.URL.Path)))
		return
	}
	if !slices.Contains(endpoint.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(endpoint.methods, ", "))
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	r = r.WithContext(ctx)
	if err := a.parseForm(w, r); err != nil {
		a.refuse(w, r, err)
		return
	}
	if endpoint.reads {
		if err := a.takeSlot(ctx); err != nil {
			a.refuse(w, r, err)
			return
		}
		defer func() { <-a.slots }()
	}
	if err := endpoint.serve(r, a.newReply(w, r)); err != nil {
		a.refuse(w, r, err)
	}
}

// parseForm reads the parameters out of URL and body, url-encoded or multipart.
func (a *api) parseForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, a.MaxBody)
	// First the one, since the other tells nothing of a form that is not multipart.
	err := r.ParseForm()
	if err == nil {
		// MaxBody is the memory too, so that nothing ever goes to a file.
		err = r.ParseMultipartForm(a.MaxBody)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return fail(badData, fmt.Errorf("error parsing form values: %w", err))
	}
	return nil
}

// takeSlot waits for a place among those that read the storage.
func (a *api) takeSlot(ctx context.Context) error {
	select {
	case a.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return evaluationError(fmt.Errorf("waiting for %d other queries: %w", a.MaxConcurrent, ctx.Err()))
	}
}

func (a *api) buildInfo(_ *http.Request, out *reply) error {
	return out.send(a.BuildInfo, nil, "")
}
