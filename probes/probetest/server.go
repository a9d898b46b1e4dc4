package probetest

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// HTTPS serves h with a certificate, over HTTP/2 too, and returns the server.
func HTTPS(t testing.TB, cert tls.Certificate, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused handshakes are what tests are about
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// HTTP serves h without TLS.
func HTTP(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// TCP gives each connection to talk and closes it when talk returns. It
// returns the address. At the test's end all connections are closed, so that
// a talk that only reads returns.
func TCP(t testing.TB, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the listener is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// TLS is TCP behind a handshake with cert.
func TLS(t testing.TB, cert tls.Certificate, talk func(net.Conn)) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	return TCP(t, func(raw net.Conn) {
		conn := tls.Server(raw, config)
		defer conn.Close()
		if conn.HandshakeContext(t.Context()) == nil {
			talk(conn)
		}
	})
}

// Hang reads until the other side goes away, and says nothing.
func Hang(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// ReadRequest reads up to the end of a request's header.
func ReadRequest(conn net.Conn) {
	buffer, end := make([]byte, 1), 0
	for end < 4 {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		if buffer[0] == "\r\n\r\n"[end] {
			end++
		} else if end = 0; buffer[0] == '\r' {
			end = 1
		}
	}
}

// Reset closes the connection so that the other side sees a reset.
func Reset(conn net.Conn) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	if tc, ok := conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	_ = conn.Close()
}
