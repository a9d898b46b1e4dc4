package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/testenv"
)

// The colours of a post, as its reader sees them.
const green = "good"

// channel is what a reader of the channel sees.
type channel struct{ *mattermosttest.Server }

// post returns the only post that has all these parts.
func (c channel) post(parts ...string) (mattermosttest.Post, bool) {
	var found mattermosttest.Post
	n := 0
	for _, p := range c.Posts() {
		if contains(p.Text(), parts...) {
			found = p
			n++
		}
	}
	return found, n == 1
}

func (c channel) known() string {
	var b strings.Builder
	for _, p := range c.Posts() {
		fmt.Fprintf(&b, "--- [%s] %s\n", p.Color(), p.Text())
		for _, r := range p.Replies {
			fmt.Fprintf(&b, "    reply: %s\n", r.Text())
		}
	}
	return b.String()
}

// red waits for a post that tells of a trouble, and green for the same post,
// by its id, to have turned.
func (c channel) red(t *testing.T, within time.Duration, parts ...string) mattermosttest.Post {
	t.Helper()
	var p mattermosttest.Post
	took := eventually(t, within, "a post with "+strings.Join(parts, ", "), c.known, func() bool {
		var ok bool
		p, ok = c.post(parts...)
		return ok && p.Color() != green
	})
	t.Logf("posted after %s: %s", took.Round(100*time.Millisecond), firstLine(p.Text()))
	return p
}

func (c channel) green(t *testing.T, within time.Duration, id string) {
	t.Helper()
	took := eventually(t, within, "the post turns green", c.known, func() bool {
		for _, p := range c.Posts() {
			if p.ID == id {
				return p.Color() == green
			}
		}
		return false
	})
	t.Logf("green after %s", took.Round(100*time.Millisecond))
}

func firstLine(s string) string { s, _, _ = strings.Cut(strings.TrimSpace(s), "\n"); return s }

// disk is a file system of its own, in a file.
type disk struct{ path string }

func newDisk(t testing.TB) disk {
	t.Helper()
	testenv.Root(t, "to mount a file system")
	mkfs := testenv.Program(t, "mkfs.ext4", "e2fsprogs")
	mount := testenv.Program(t, "mount", "mount")
	umount := testenv.Program(t, "umount", "mount")
	dir := t.TempDir()
	image, path := filepath.Join(dir, "image"), filepath.Join(dir, "srv")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "truncate", "-s", "64M", image)
	run(t, mkfs, "-q", "-F", "-m", "0", image)
	run(t, mount, "-o", "loop", image, path)
	t.Cleanup(func() {
		if out, err := exec.Command(umount, path).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return disk{path}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// fill takes all but a few hundred kilobytes.
func (d disk) fill(t testing.TB) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.path, &st); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(d.path, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize-300<<10); err != nil {
		t.Fatal(err)
	}
}

func (d disk) empty(t testing.TB) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.path, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Drill CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: cert, key: key, file: filepath.Join(dir, "ca.pem")}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue writes a certificate of localhost that ends in d, and its key.
func (a *authority) issue(t *testing.T, dir string, d time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(d), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", der)
	writePEM(t, filepath.Join(dir, "key.pem"), "EC PRIVATE KEY", raw)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDrill is the whole way on real parts: a disk that fills, nginx with a
// certificate near its end and then stopped, a host that dies; each told once
// in its own post, and each post turned green when mended, over kill -9.
func TestDrill(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "a drill of some minutes: run without -short")
	}
	t.Parallel() // it waits most of the time
	srv := newDisk(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t, dir)
	ca.issue(t, dir, 3*24*time.Hour)
	web := testenv.Port(t)
	conf := fmt.Sprintf(`server {
	listen 127.0.0.1:%d ssl;
	server_name localhost;
	ssl_certificate %s/cert.pem;
	ssl_certificate_key %s/key.pem;
	location / { return 200 "hello"; }
}`, web, dir, dir)
	nginx := testenv.Nginx(t, conf)

	chat := channel{mattermosttest.New(t)}
	db1 := newInstance(t, "db1", "engine: off\nhost: {collectors: {only: [filesystem]}, mount_points: {include: '^/$'}}\n")
	db1.start()
	hub := newInstance(t, "hub", fmt.Sprintf(`site: drill
host: {collectors: {only: [filesystem]}, mount_points: {include: "^(/|%s)$"}}
hosts: [{name: db1, address: "%s"}]
probes:
  - {target: "https://localhost:%d/", ca_file: %s}
alerts:
  mattermost: {url: "%s", token: %s, channel: %s/%s}
`, srv.path, db1.address, web, ca.file, chat.URL, chat.Token, chat.Team, chat.Channel))
	hub.start()
	site := fmt.Sprintf("https://localhost:%d/", web)

	// The certificate was near its end before the hub began.
	cert := chat.red(t, 2*time.Minute, "certificate", site)
	if n := len(chat.Posts()); n != 1 {
		t.Fatalf("%d posts after the start, want only the certificate's:\n%s", n, chat.known())
	}

	srv.fill(t)
	full := chat.red(t, time.Minute, srv.path, "full")

	nginx.Stop()
	down := chat.red(t, 2*time.Minute, site+" fails", "refused")
	// A server that is stopped shows no certificate: that is no renewal.
	chat.red(t, time.Minute, "certificate", site, "no data since")

	db1.process.Kill()
	dead := chat.red(t, time.Minute, "db1", "down")
	if n := len(chat.Posts()); n != 4 {
		t.Errorf("%d posts, want four:\n%s", n, chat.known())
	}

	// kill -9 while all of it fires; the disk is mended while nobody watches.
	hub.process.Kill()
	srv.empty(t)
	hub.start()
	chat.green(t, 2*time.Minute, full.ID)

	ca.issue(t, dir, 60*24*time.Hour)
	testenv.Nginx(t, conf)
	chat.green(t, 2*time.Minute, down.ID)
	chat.green(t, 2*time.Minute, cert.ID)

	// A restart while the host is dead says nothing new, and forgets nothing.
	hub.process.Stop()
	hub.start()
	eventually(t, time.Minute, "the restarted hub still says that db1 is down", func() string { return hub.get("/api/v1/alerts") }, func() bool {
		return contains(hub.get("/api/v1/alerts"), `"HostDown"`, `"firing"`)
	})
	if p, ok := chat.post("db1", "down"); !ok || p.Color() == green {
		t.Errorf("after the restart:\n%s", chat.known())
	}
	db1.start()
	chat.green(t, time.Minute, dead.ID)

	if n := len(chat.Posts()); n != 4 {
		t.Errorf("%d posts in the end, want four, each said once:\n%s", n, chat.known())
	}
	if unknown := chat.Unknown(); len(unknown) > 0 {
		t.Errorf("asked of Mattermost what it does not have: %v", unknown)
	}
	t.Log("\n" + chat.known())
}

// TestDrill_aHostThatWasDeadBeforeTheHubBegan is an alert all the same.
func TestDrill_aHostThatWasDeadBeforeTheHubBegan(t *testing.T) {
	t.Parallel() // it waits most of the time
	chat := channel{mattermosttest.New(t)}
	hub := newInstance(t, "hub", fmt.Sprintf(`hosts: [{name: db1, address: "127.0.0.1:%d"}]
alerts: {mattermost: {webhook_url: "%s"}}
`, testenv.Port(t), chat.HookURL))
	hub.start()
	chat.red(t, time.Minute, "db1", "down")
	if err := hub.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := hub.process.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0:\n%s", code, hub.process.Output())
	}
}
