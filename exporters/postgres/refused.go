package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/internal/frame"
)

// refused says in words what the server or the way to it answered. The
// server's own text may hold data, so its code alone is told
// (PostgreSQL's manual, appendix A).
func refused(err error) error {
	if err == nil {
		return nil
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return frame.Fail(frame.ReasonTimeout, errors.New("the server did not answer in time"))
		}
		return frame.Fail(frame.ReasonUnreachable, errors.New("the server does not answer"))
	}
	class := server.Code[:min(2, len(server.Code))]
	switch {
	case class == "28":
		return frame.Fail(frame.ReasonRefused, fmt.Errorf("the server refuses this user (%s)", server.Code))
	case server.Code == "42501":
		return frame.Fail(frame.ReasonPermission, fmt.Errorf("this user may not read it; GRANT pg_monitor TO the user (%s)", server.Code))
	case server.Code == "3D000":
		return frame.Fail(frame.ReasonRefused, fmt.Errorf("there is no such database (%s)", server.Code))
	case server.Code == "57014", server.Code == "55P03":
		return frame.Fail(frame.ReasonTimeout, fmt.Errorf("it does not end in time, or waits for a lock (%s)", server.Code))
	case class == "53":
		return frame.Fail(frame.ReasonRefused, fmt.Errorf("the server has no connection or no space left (%s)", server.Code))
	case class == "57":
		return frame.Fail(frame.ReasonUnreachable, fmt.Errorf("the server is starting or shutting down (%s)", server.Code))
	}
	return frame.Fail(frame.ReasonError, fmt.Errorf("the server answers with error %s", server.Code))
}
