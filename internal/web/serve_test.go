package web

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/web/access"
)

// serve runs the site on a free port of the loopback until the test ends.
func (s *site) serve(t testing.TB) (address string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	var result error
	done := false
	stop = func() error {
		if !done {
			cancel()
			result, done = <-ended, true
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return listener.Addr().String(), stop
}

// identity is a certificate with its key, signed by itself or by another.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  []byte
}

func issue(t testing.TB, name string, by *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: by == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert: cert, key: key, der: der}
}

// save writes the certificate and its key in PEM form.
func (i *identity) save(t testing.TB, certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: i.der}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (i *identity) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.der}, PrivateKey: i.key}
}

// client trusts one authority and may present a certificate. Each request has
// a connection of its own.
func client(authority, own *identity) *http.Client {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(authority.cert)
	if own != nil {
		config.Certificates = []tls.Certificate{own.pair()}
	}
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true},
	}
}

func ask(t testing.TB, c *http.Client, method, url string) (int, string, *tls.ConnectionState) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.TLS
}

func TestServe_realRequestsFromThisMachine(t *testing.T) {
	s := newSite(t, View{Node: target("node", "n", constant("time", "node_time_seconds", 17))})
	address, stop := s.serve(t)
	plain := &http.Client{Timeout: 10 * time.Second}
	if code, body, _ := ask(t, plain, http.MethodGet, "http://"+address+"/metrics"); code != http.StatusOK || !strings.Contains(body, "node_time_seconds 17") {
		t.Errorf("%d %s", code, body)
	}
	if code, body, _ := ask(t, plain, http.MethodPost, "http://"+address+"/-/reload"); code != http.StatusOK {
		t.Errorf("reload: %d %s", code, body)
	}
	plain.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if code, _, _ := ask(t, plain, http.MethodGet, "http://"+address+"/metrics"); code != 0 {
		t.Errorf("after the stop: %d", code)
	}
}

func TestServe_stopLetsRequestsFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := collector{name: "slow", collect: func(context.Context, *frame.Sink) error {
		close(entered)
		<-leave
		return nil
	}}
	s := newSite(t, View{Targets: []*frame.Target{target("brick", "slow", slow)}})
	address, stop := s.serve(t)
	got := make(chan int, 1)
	go func() {
		code, _, _ := ask(t, &http.Client{Timeout: 10 * time.Second}, http.MethodGet, "http://"+address+"/metrics/brick/slow")
		got <- code
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(leave)
	if code := <-got; code != http.StatusOK {
		t.Errorf("the running request got %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServe_portThatIsClosedUnderItIsAnError(t *testing.T) {
	s := newSite(t, View{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := s.Serve(t.Context(), listener); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("error %v", err)
	}
}

func TestServe_oversizedHeaderIsRefused(t *testing.T) {
	s := newSite(t, View{})
	address, _ := s.serve(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 4*maxHeader))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.Contains(line, "431") {
		t.Errorf("answer %q", line)
	}
}

// TestServe_tls follows one listener through its life: plain, then TLS by a
// reload, a renewed certificate without one, and a broken renewal.
func TestServe_tls(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	authority := issue(t, "authority", nil)
	issue(t, "first", authority).save(t, certFile, keyFile)

	s := newSite(t, View{Node: target("node", "n", constant("time", "node_time_seconds", 17))})
	address, _ := s.serve(t)
	c := client(authority, nil)
	if code, _, _ := ask(t, c, http.MethodGet, "http://"+address+"/metrics"); code != http.StatusOK {
		t.Fatalf("plain: %d", code)
	}

	view := *s.view.Load()
	view.Access = newAccess(t, access.Options{Config: access.Config{TLS: access.TLS{CertFile: certFile, KeyFile: keyFile}}})
	s.view.Store(&view)
	wantName := func(name string) {
		t.Helper()
		code, body, state := ask(t, c, http.MethodGet, "https://"+address+"/sd")
		if code != http.StatusOK {
			t.Fatalf("TLS: %d %s", code, body)
		}
		if got := state.PeerCertificates[0].Subject.CommonName; got != name || state.Version < tls.VersionTLS12 {
			t.Errorf("certificate of %s, TLS %x; want %s", got, state.Version, name)
		}
		if !strings.Contains(body, `"__scheme__":"https"`) {
			t.Errorf("/sd does not say https: %s", body)
		}
	}
	wantName("first")
	if code, _, _ := ask(t, c, http.MethodGet, "http://"+address+"/metrics"); code != http.StatusBadRequest {
		t.Errorf("plain request to TLS: %d", code)
	}

	later := time.Now().Add(time.Hour)
	touch := func() {
		for _, file := range []string{certFile, keyFile} {
			later = later.Add(time.Minute)
			if err := os.Chtimes(file, later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	issue(t, "second", authority).save(t, certFile, keyFile)
	touch()
	wantName("second")
	issue(t, "third", authority).save(t, certFile, filepath.Join(dir, "other.pem")) // the key does not fit
	touch()
	wantName("second")
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	wantName("second")
}

func TestServe_clientCertificates(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	authority, foreign := issue(t, "authority", nil), issue(t, "foreign", nil)
	authority.save(t, file("ca.pem"), file("ca.key"))
	issue(t, "server", authority).save(t, file("cert.pem"), file("key.pem"))
	hub := issue(t, "hub", authority)

	for _, auth := range []string{"require", "verify_if_given"} {
		t.Run(auth, func(t *testing.T) {
			s := newSite(t, View{Access: newAccess(t, access.Options{Config: access.Config{TLS: access.TLS{
				CertFile: file("cert.pem"), KeyFile: file("key.pem"), ClientCAFile: file("ca.pem"), ClientAuth: auth,
			}}})})
			address, _ := s.serve(t)
			if code, body, _ := ask(t, client(authority, hub), http.MethodPost, "https://"+address+"/-/reload"); code != http.StatusOK {
				t.Errorf("with our certificate: %d %s", code, body)
			}
			if code, _, _ := ask(t, client(authority, issue(t, "hub", foreign)), http.MethodGet, "https://"+address+"/sd"); auth == "require" && code != 0 {
				t.Errorf("with a foreign certificate: %d", code)
			}
			code, _, _ := ask(t, client(authority, nil), http.MethodGet, "https://"+address+"/sd")
			if want := map[string]int{"require": 0, "verify_if_given": http.StatusOK}[auth]; code != want {
				t.Errorf("without a certificate: %d, want %d", code, want)
			}
		})
	}
}
