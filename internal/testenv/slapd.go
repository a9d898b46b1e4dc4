package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Directory is an OpenLDAP server that runs for one test. It holds
// dc=ville,dc=example, and the people under ou=people there: cn=admin (with the
// password "secret-admin", and every right) and uid=moni ("secret-moni").
type Directory struct {
	*Process
	LDAP  string // localhost:PORT, where connections begin without TLS
	LDAPS string // localhost:PORT; empty where it has no certificate
	Port  int    // of LDAP
}

const people = `dn: dc=ville,dc=example
objectClass: dcObject
objectClass: organization
dc: ville
o: Ville

dn: ou=people,dc=ville,dc=example
objectClass: organizationalUnit
ou: people

dn: uid=moni,ou=people,dc=ville,dc=example
objectClass: inetOrgPerson
uid: moni
cn: Moni
sn: Tor
userPassword: secret-moni

`

// Slapd runs Debian's OpenLDAP until the test ends. The lines global stand
// before its database, those of database in it (slapd.conf(5)). Files lie in
// its folder: server.pem with server.key turns TLS on, ca.pem is what client
// certificates come from.
func Slapd(t testing.TB, global, database string, files map[string]string) *Directory {
	t.Helper()
	server := Program(t, "slapd", "slapd")
	load := Program(t, "slapadd", "slapd")
	home := folderOf(t, "openldap")
	for name, content := range files {
		home.write(t, name, 0o600, content)
		setting := map[string]string{"server.pem": "TLSCertificateFile", "server.key": "TLSCertificateKeyFile", "ca.pem": "TLSCACertificateFile"}[name]
		if setting != "" {
			global += "\n" + setting + " " + filepath.Join(home.path, name)
		}
	}
	data := filepath.Join(home.path, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, home.uid, home.gid); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(home.path, "slapd.conf")
	home.write(t, "slapd.conf", 0o600, fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/slapd.pid
%[2]s
database mdb
maxsize 10485760
suffix "dc=ville,dc=example"
rootdn "cn=admin,dc=ville,dc=example"
rootpw secret-admin
directory %[1]s/data
%[3]s
`, home.path, global, database))
	fill := exec.CommandContext(t.Context(), load, "-q", "-f", conf)
	fill.SysProcAttr, fill.Stdin = home.as, strings.NewReader(people)
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	d := &Directory{Port: Port(t)}
	d.LDAP = fmt.Sprintf("localhost:%d", d.Port)
	urls := fmt.Sprintf("ldap://127.0.0.1:%d", d.Port)
	if _, ok := files["server.pem"]; ok {
		port := Port(t)
		d.LDAPS = fmt.Sprintf("localhost:%d", port)
		urls += fmt.Sprintf(" ldaps://127.0.0.1:%d", port)
	}
	run := exec.CommandContext(context.WithoutCancel(t.Context()), server, "-d", "stats", "-f", conf, "-h", urls)
	run.SysProcAttr = home.as
	d.Process = StartCmd(t, run)
	Eventually(t, httpPatience, "OpenLDAP listens", func(ctx context.Context) error {
		if err := d.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", d.Port))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return d
}
