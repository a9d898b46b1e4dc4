package queryapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
)

// A kind is the errorType of an answer.
type kind string

const (
	badData     kind = "bad_data"
	execution   kind = "execution"
	canceled    kind = "canceled"
	timeout     kind = "timeout"
	internal    kind = "internal"
	unavailable kind = "unavailable"
	notFound    kind = "not_found"
)

// statusClientGone is nginx's code for a client that closed the connection;
// Prometheus has used it since 2.43.
const statusClientGone = 499

// status returns the HTTP status of an error. Prometheus answers 500 when its
// storage is not ready; 503 lets a proxy or Grafana try again.
func (k kind) status() int {
	switch k {
	case badData:
		return http.StatusBadRequest
	case execution:
		return http.StatusUnprocessableEntity
	case canceled:
		return statusClientGone
	case timeout, unavailable:
		return http.StatusServiceUnavailable
	case notFound:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}

// An apiError is an error with the kind that the client is told.
type apiError struct {
	kind kind
	err  error
}

func (e *apiError) Error() string { return string(e.kind) + ": " + e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

func fail(k kind, err error) error { return &apiError{kind: k, err: err} }

func badRequest(err error) error { return fail(badData, err) }

// invalid is the error of a parameter that cannot be used.
func invalid(parameter string, err error) error {
	return fail(badData, fmt.Errorf("invalid parameter %q: %w", parameter, err))
}

// evaluationError gives an error of the engine or the storage its kind.
func evaluationError(err error) error {
	var (
		gone    promql.ErrQueryCanceled
		late    promql.ErrQueryTimeout
		storage promql.ErrStorage
	)
	switch {
	case errors.Is(err, tsdb.ErrNotReady):
		return fail(unavailable, err)
	case errors.As(err, &gone), errors.Is(err, context.Canceled):
		return fail(canceled, err)
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return fail(timeout, err)
	case errors.As(err, &storage):
		return fail(internal, err)
	default:
		return fail(execution, err)
	}
}

// refuse writes an error as an answer.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *apiError
	if !errors.As(err, &known) {
		known = &apiError{kind: internal, err: err}
	}
	status := known.kind.status()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	}
	if known.kind == internal {
		a.Logger.ErrorContext(r.Context(), "query request failed", "path", r.URL.Path, "err", known.err)
	}
	// Strings alone cannot fail to marshal.
	body, _ := json.Marshal(struct {
		Status    string `json:"status"`
		ErrorType kind   `json:"errorType"`
		Error     string `json:"error"`
	}{"error", known.kind, known.err.Error()})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}
