//go:build linux

package certificates

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/secret"
)

// TestKeystore_keytool reads what keytool wrote; testdata/keytool/make.sh tells how.
func TestKeystore_keytool(t *testing.T) {
	root, err := filepath.Abs("testdata/keytool")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, names, err string }{
		{"two.p12", "api.ville.example www.ville.example", ""},
		{"two.jks", "api.ville.example www.ville.example", ""},
		{"ed25519.p12", "ed.ville.example", ""},
		// The authority that it trusts comes first in it, and is not its own.
		{"trusting.p12", "trusting.ville.example", ""},
		{"trust.p12", "", "/trust.p12 holds certificates of authorities alone, and none of its own"},
		{"strange.p12", "", "/strange.p12 is a PKCS#12 file with entries that are not read"},
		{"one.jceks", "", "/one.jceks is a Java keystore of the type JCEKS, which is not read"},
	} {
		got, r := collect(t, root, Config{Keystores: []Keystore{{File: "/" + c.file, Password: secret.New("changeit")}}})
		var names []string
		for _, key := range slices.Sorted(maps.Keys(got)) {
			if name, ok := strings.CutPrefix(key, " /"+c.file+" "); ok && name != "unreadable" {
				names = append(names, name)
			}
		}
		if diff := cmp.Diff(c.names, strings.Join(names, " ")); diff != "" || !strings.HasPrefix(r.Err, c.err) || c.err == "" && r.Err != "" {
			t.Errorf("%s: %s, %q", c.file, diff, r.Err)
		}
	}
	for _, file := range []string{"two.p12", "trust.p12", "strange.p12", "two.jks"} {
		_, r := collect(t, root, Config{Keystores: []Keystore{{File: "/" + file, Password: secret.New("wrong")}}})
		if !strings.Contains(r.Err, "does not open with this password") {
			t.Errorf("%s: %q", file, r.Err)
		}
	}
	broken := filepath.Join(t.TempDir(), "x.p12")
	if err := os.WriteFile(broken, []byte("no such thing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, r := collect(t, "/", Config{Keystores: []Keystore{{File: broken, Password: secret.New("x")}}}); !strings.Contains(r.Err, broken+" is no PKCS#12 file") {
		t.Errorf("%q", r.Err)
	}
}
