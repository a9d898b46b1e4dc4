package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/frame"
	"tocsin/internal/web/access"
	"tocsin/internal/web/status"
)

// Config is the section web of the site file.
type Config = access.Config

// Status is what the status page shows.
type Status = status.Status

// A View is what one configuration serves. It is never changed once Options.View
// has returned it; a reload returns another.
type View struct {
	// Node is the target of this machine; its page is /metrics, together with
	// Tocsin's own metrics. It may be nil, and is not among Targets.
	Node *frame.Target
	// Targets have the pages /metrics/{job}/{id}.
	Targets []*frame.Target
	// Language is that of the site, fr or en, for what people are told.
	Language string
	// Advertise is the address, host:port, that /sd gives for all targets;
	// empty: the one under which the client asked.
	Advertise string
	// Access decides who may ask. It must be set.
	Access *access.Access
	// Probe answers GET /probe: it looks once at what the query names, for at
	// most its patience. Nil: nobody may have anything probed.
	Probe func(ctx context.Context, q ProbeQuery) ProbeAnswer
	// QueryAPI answers /api/v1/, Alertmanager answers /api/v2/. They see the
	// whole path. Nil: the engine is off.
	QueryAPI, Alertmanager http.Handler
}

// Options are what a Server is made of. All but Registerer and Probe must be set.
type Options struct {
	// View returns what is served now. It is called at each request.
	View func() *View
	// Own gathers Tocsin's own metrics (tocsin_*, go_*, process_*).
	Own prometheus.Gatherer
	// Registerer takes the server's own metrics, tocsin_http_*; nil: nobody.
	Registerer prometheus.Registerer
	// Reload loads the configuration anew. Its error is shown to whoever asked
	// for the reload, so it must carry no secret.
	Reload func(ctx context.Context) error
	// TestAlert sends a test alert the whole way and tells on w what happens;
	// nil: the engine is off. Its error is shown, so it must carry no secret.
	TestAlert func(ctx context.Context, w io.Writer) error
	// Ready tells whether the instance does its work, else in words what it
	// waits for. The words are public.
	Ready func() (ok bool, why string)
	// Status tells how the site stands, before ctx ends.
	Status func(ctx context.Context) *Status
	// Probe tells what the newest looks of a probe found, by the name of its
	// page; false where there is none. Nil: nothing is probed here.
	Probe func(name string) (*status.Probe, bool)
	Log   *slog.Logger
}

// A Server answers all that Tocsin is asked over HTTP. Its methods may be used
// from any goroutine.
type Server struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	own     *ownPage
	status  *status.Page
	slots   chan struct{} // one place for each request that is worked on
	probes  *queue
	index   atomic.Pointer[index]
	outer   http.Handler
	inner   http.Handler

	buffers   sync.Pool  // of *bytes.Buffer
	gzips     sync.Pool  // of *gzip.Writer
	reloading sync.Mutex // held while a reload runs

	told     sync.Mutex // guards what follows
	problems string     // of /metrics, as last logged
}

// New makes a server of its options.
func New(o Options) (*Server, error) {
	switch {
	case o.View == nil, o.Own == nil, o.Reload == nil, o.Ready == nil, o.Status == nil, o.Log == nil:
		return nil, errors.New("web: an option is missing")
	}
	s := &Server{
		options: o, log: o.Log, own: &ownPage{gatherer: o.Own}, status: status.NewPage(),
		slots: make(chan struct{}, maxInFlight), probes: newQueue(),
	}
	var err error
	if s.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s.outer = s.routes()
	s.inner = s.innerRoutes()
	return s, nil
}

// Handler answers the engine, over its in-memory listener: the pages of
// metrics and nothing else, with no question who asks, and not compressed. It
// must not be reachable from outside the process.
func (s *Server) Handler() http.Handler { return s.inner }

// Bounds of a connection. A page may take as long as a scraper can ask for,
// which is the longest that anything here takes.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = maxScrape + 30*time.Second
	idleTimeout       = 3 * time.Minute // longer than scrapers wait between two scrapes
	stopGrace         = 5 * time.Second
	maxHeader         = 32 << 10
)

// Serve answers on the listener until ctx ends, then lets requests that run
// finish for 5 s. Whether connections are TLS is decided for each by the View
// of that moment. It returns nil when ctx ended, and closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.outer,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// Handshakes that scanners break off are no news.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { // ends with Shutdown or Close
		ended <- server.Serve(&switchListener{listener, func() *tls.Config { return s.options.View().Access.TLS() }})
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		s.log.Warn("requests were cut off at the stop", "err", err)
		_ = server.Close() // the listener is closed already
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil
}

// switchListener speaks TLS, or not, as the configuration of the moment says.
type switchListener struct {
	net.Listener
	config func() *tls.Config
}

// Accept implements net.Listener. The handshake comes later, on the
// connection's own goroutine.
func (l *switchListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if config := l.config(); config != nil {
		return tls.Server(conn, config), nil
	}
	return conn, nil
}
