package migrate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tocsin/internal/config"
)

var update = flag.Bool("update", false, "rewrite what the archives expect")

// The files of an archive that are expected; the others are given. The first
// line of its comment is the command line behind "tocsin migrate".
const (
	wantSite = "WANT site"
	wantLost = "WANT not carried"
)

// TestGolden runs each archive of testdata: what is printed is compared, and
// the site file must be one that Tocsin takes.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) < 8 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, archive)
			t.Chdir(dir)
			result, err := run(t, archive)
			if err != nil {
				t.Fatal(err)
			}
			var lost bytes.Buffer
			if err := result.Write(&lost); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{
				wantSite: strings.ReplaceAll(string(result.Site), dir, "/DIR"),
				wantLost: strings.ReplaceAll(lost.String(), dir, "/DIR"),
			}
			for name, text := range got {
				if strings.Contains(text, "hunter2") {
					t.Errorf("%s has a secret in it:\n%s", name, text)
				}
			}
			if *update {
				rewrite(t, path, archive, got)
			}
			for _, f := range archive.Files {
				if want, ok := got[f.Name]; ok && !*update {
					if diff := cmp.Diff(string(f.Data), want); diff != "" {
						t.Errorf("%s (-want +got):\n%s", f.Name, diff)
					}
					delete(got, f.Name)
				}
			}
			if len(got) > 0 && !*update {
				t.Errorf("the archive does not say what is expected; run with -update, and read what it makes")
			}
			loads(t, string(result.Site))
			if templates := uncommented(result.Site); len(templates) > 0 {
				loads(t, templates)
			}
		})
	}
}

func unpack(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == wantSite || f.Name == wantLost {
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run does what the verb would do.
func run(t *testing.T, archive *txtar.Archive) (*Result, error) {
	t.Helper()
	line, _, _ := strings.Cut(string(archive.Comment), "\n")
	source, argument, _ := strings.Cut(line, " ")
	if source == "node_exporter" && strings.HasPrefix(argument, "-") {
		return NodeExporter("", []byte(argument), ReadFile)
	}
	file, blackbox, _ := strings.Cut(argument, " --blackbox ")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch source {
	case "node_exporter":
		return NodeExporter(file, data, ReadFile)
	case "prometheus":
		in := PrometheusInput{Name: file, Data: data, Blackbox: blackbox, Hostname: "guet", Read: ReadFile}
		if blackbox != "" {
			if in.BlackboxData, err = os.ReadFile(blackbox); err != nil {
				t.Fatal(err)
			}
		}
		return Prometheus(in)
	case "alertmanager":
		return Alertmanager(file, data)
	case "blackbox":
		return Blackbox(file, data)
	case "postgres_exporter":
		return PostgresExporter(file, data)
	}
	t.Fatalf("nothing is called %q", source)
	return nil, nil
}

func rewrite(t *testing.T, path string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	var files []txtar.File
	for _, f := range archive.Files {
		if f.Name != wantSite && f.Name != wantLost {
			files = append(files, f)
		}
	}
	archive.Files = append(files, txtar.File{Name: wantSite, Data: []byte(got[wantSite])}, txtar.File{Name: wantLost, Data: []byte(got[wantLost])})
	if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// named finds the files that a site file names and that an administrator has
// to make, or had already.
var named = regexp.MustCompile(`(?m)(\w*_files?|[A-Z][\w-]+): [\['"]?(/etc/[^\s,}\]'"]+)`)

// loads demands that Tocsin takes a site file, where all files that it names
// are made.
func loads(t *testing.T, site string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key := keyPair(t)
	for _, m := range named.FindAllStringSubmatch(site, -1) {
		content := "a-secret"
		switch {
		case m[1] == "queries_files":
			content = "app:\n  query: SELECT 1 AS n\n  metrics: [{n: {usage: GAUGE}}]\n"
		case m[1] == "key_file":
			content = key
		case m[1] == "cert_file" || strings.HasSuffix(m[1], "ca_file"):
			content = certificate
		case strings.Contains(m[1], "url"):
			content = "https://chat.ville.example/hooks/abc"
		}
		path := filepath.Join(dir, m[2])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	site = strings.ReplaceAll(site, "/etc/", dir+"/etc/")
	path := filepath.Join(dir, "tocsin.yml")
	if err := os.WriteFile(path, []byte(site+"\ndata_dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err != nil {
		t.Errorf("Tocsin refuses what was made:\n%v\n%s", err, site)
	}
}

// uncommented is a template as one who uses it makes it.
func uncommented(site []byte) string {
	if !bytes.Contains(site, []byte("\n# probes:")) {
		return ""
	}
	var out []string
	n := 0
	for l := range strings.SplitSeq(string(site), "\n") {
		switch {
		case l == "# probes:":
			if n++; n == 1 {
				out = append(out, "probes:")
			}
		case strings.HasPrefix(l, "#  "):
			n++
			out = append(out, strings.Replace(strings.TrimPrefix(l, "# "), "https://www.ville.example", "https://www.ville.example/"+strings.Repeat("a", n), 1))
		}
	}
	return strings.Join(out, "\n")
}

func keyPair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &of, &of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}
