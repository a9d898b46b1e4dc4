package postgres

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// A wanted is a way to connect, and what is said where it fails.
type wanted struct {
	dsn      string
	password string
	file     string // password_file
	reason   frame.Reason
	text     string // a part of the error
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// All ways to log in, and to fail, against a real server with TLS and SCRAM.
func TestConnect_waysInAndOut(t *testing.T) {
	authority, other := probetest.NewAuthority(t, probetest.Spec{Name: "ours"}), probetest.NewAuthority(t, probetest.Spec{Name: "another"})
	cert, key := probetest.WritePair(t, authority.Leaf(t, probetest.Spec{Name: "db", Hosts: []string{"localhost", "127.0.0.1"}}))
	ca := probetest.WritePEM(t, authority)
	client := func(name string, by *probetest.Authority) string {
		cert, key := probetest.WritePair(t, by.Leaf(t, probetest.Spec{Name: name, Change: func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}}))
		return fmt.Sprintf("sslcert=%s sslkey=%s", cert, key)
	}
	db := testenv.PostgresTCP(t, `hostssl all card 127.0.0.1/32 cert
host all nobody 127.0.0.1/32 reject
hostssl all tlsonly 127.0.0.1/32 scram-sha-256
host all tlsonly 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256`, map[string]string{"server.pem": read(t, cert), "server.key": read(t, key), "ca.pem": read(t, ca)})
	db.Exec(t, "postgres", "CREATE ROLE tocsin LOGIN PASSWORD '"+theSecret+"'", "CREATE ROLE tlsonly LOGIN PASSWORD '"+theSecret+"'",
		"CREATE ROLE card LOGIN", "CREATE ROLE nobody LOGIN PASSWORD '"+theSecret+"'", "CREATE ROLE locked NOLOGIN PASSWORD '"+theSecret+"'",
		"CREATE ROLE one LOGIN CONNECTION LIMIT 0 PASSWORD '"+theSecret+"'", "CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM public")
	plain := testenv.PostgresTCP(t, "host all all 127.0.0.1/32 trust", nil)
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	port := fmt.Sprint(db.Port)
	at := "host=127.0.0.1 dbname=postgres port=" + port + " user="
	passfile := file("pgpass", "127.0.0.1:"+port+":*:tocsin:"+theSecret+"\n")
	services := file("services", "[shop]\nhost=127.0.0.1\nport="+port+"\ndbname=postgres\nuser=tocsin\n")
	free := fmt.Sprint(testenv.Port(t))
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	http := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); _ = c.Close() })
	for name, w := range map[string]wanted{
		"password":                {dsn: at + "tocsin", password: theSecret},
		"password_file":           {dsn: at + "tocsin", file: file("password", theSecret+"\n")},
		"passfile":                {dsn: at + "tocsin passfile=" + passfile},
		"service":                 {dsn: "service=shop servicefile=" + services, password: theSecret},
		"URL":                     {dsn: "postgres://tocsin@127.0.0.1:" + port + "/postgres?sslmode=verify-full&sslrootcert=" + ca, password: theSecret},
		"verify-full":             {dsn: at + "tlsonly sslmode=verify-full sslrootcert=" + ca, password: theSecret},
		"verify-ca":               {dsn: strings.Replace(at, "127.0.0.1", "127.0.0.1", 1) + "tlsonly sslmode=verify-ca sslrootcert=" + ca, password: theSecret},
		"client certificate":      {dsn: at + "card sslmode=verify-full sslrootcert=" + ca + " " + client("card", authority)},
		"socket":                  {dsn: db.DSN("tocsin", "postgres")},
		"several hosts":           {dsn: "host=127.0.0.1,127.0.0.1 port=" + free + "," + port + " dbname=postgres user=tocsin", password: theSecret},
		"libpq's own words":       {dsn: at + "tocsin keepalives=1 gssencmode=disable tcp_user_timeout=1", password: theSecret},
		"wrong password":          {dsn: at + "tocsin", password: theSecret + "x", reason: frame.ReasonRefused, text: "refuses the password"},
		"no password":             {dsn: at + "tocsin", reason: frame.ReasonRefused, text: "refuses"},
		"no such user":            {dsn: at + "ghost", password: theSecret, reason: frame.ReasonRefused, text: "refuses the password of this user, or the user"},
		"no login":                {dsn: at + "locked", password: theSecret, reason: frame.ReasonRefused, text: "may not log in"},
		"rejected":                {dsn: at + "nobody", password: theSecret, reason: frame.ReasonRefused, text: "pg_hba.conf"},
		"TLS wanted by the rules": {dsn: at + "tlsonly sslmode=disable", password: theSecret, reason: frame.ReasonRefused, text: "pg_hba.conf"},
		"no such database":        {dsn: strings.Replace(at, "dbname=postgres", "dbname=nowhere", 1) + "tocsin", password: theSecret, reason: frame.ReasonRefused, text: "no such database"},
		"no right to connect":     {dsn: strings.Replace(at, "dbname=postgres", "dbname=closed", 1) + "tocsin", password: theSecret, reason: frame.ReasonPermission, text: "GRANT CONNECT"},
		"connection limit":        {dsn: at + "one", password: theSecret, reason: frame.ReasonRefused, text: "no connection left"},
		"unknown authority":       {dsn: at + "tocsin sslmode=verify-full sslrootcert=" + probetest.WritePEM(t, other), password: theSecret, reason: frame.ReasonRefused, text: "authority that is not known"},
		"another name":            {dsn: strings.Replace(at, "host=127.0.0.1", "host=ip6-localhost", 1) + "tocsin sslmode=verify-full sslrootcert=" + ca, password: theSecret, reason: frame.ReasonUnreachable},
		"no TLS there":            {dsn: fmt.Sprintf("host=127.0.0.1 port=%d dbname=postgres user=admin sslmode=require", plain.Port), reason: frame.ReasonRefused, text: "has no TLS"},
		"somebody's certificate":  {dsn: at + "card sslmode=require " + client("somebody", authority), reason: frame.ReasonRefused, text: "refuses this user"},
		"foreign certificate":     {dsn: at + "card sslmode=require " + client("card", other), reason: frame.ReasonRefused, text: "shows no certificate that it knows"},
		"no CA file":              {dsn: at + "tocsin sslmode=verify-full sslrootcert=" + folder + "/none.pem", password: theSecret, reason: frame.ReasonError, text: "cannot read " + folder + "/none.pem"},
		"CA file of nothing":      {dsn: at + "tocsin sslmode=verify-full sslrootcert=" + services, password: theSecret, reason: frame.ReasonError, text: "sslrootcert has no certificate"},
		"key of another":          {dsn: at + "card sslmode=require sslcert=" + cert + " sslkey=" + strings.Fields(strings.ReplaceAll(client("card", authority), "sslkey=", ""))[1], reason: frame.ReasonError, text: "do not belong together"},
		"no such service":         {dsn: "service=garden servicefile=" + services, reason: frame.ReasonError, text: "its service is not in the service file"},
		"no password file":        {dsn: at + "tocsin", file: folder + "/none", reason: frame.ReasonError, text: "password_file"},
		"no such host":            {dsn: "host=db.invalid dbname=postgres user=tocsin", reason: frame.ReasonUnreachable, text: "cannot be resolved"},
		"nothing listens":         {dsn: "host=127.0.0.1 dbname=postgres user=tocsin port=" + free, reason: frame.ReasonUnreachable, text: "nothing listens"},
		"no socket":               {dsn: "host=" + folder + " dbname=postgres user=tocsin", reason: frame.ReasonUnreachable, text: "its socket is not there"},
		"silence":                 {dsn: "host=127.0.0.1 dbname=postgres user=tocsin port=" + silent, reason: frame.ReasonTimeout, text: "did not answer in time"},
		"HTTP":                    {dsn: "host=127.0.0.1 dbname=postgres user=tocsin sslmode=disable port=" + http, reason: frame.ReasonRefused, text: "is no PostgreSQL"},
		"no standby":              {dsn: at + "tocsin target_session_attrs=standby", password: theSecret, reason: frame.ReasonRefused, text: "target_session_attrs"},
		"unknown setting":         {dsn: at + "tocsin statement_timeuot=1", password: theSecret, reason: frame.ReasonError, text: "does not know a word"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			entries, err := New(Config{DSN: w.dsn, Password: secret.New(w.password), PasswordFile: w.file})
			if err != nil {
				t.Fatal(err)
			}
			target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: entries, Serial: true}, slog.New(slog.NewTextHandler(&log, nil)))
			page := scrape(t, target, 10*time.Second)
			up := gaugeOf(page["pg_up"])
			for _, s := range target.States() {
				switch {
				case strings.Contains(s.Error, theSecret):
					t.Errorf("%s shows the password: %s", s.Collector, s.Error)
				case s.Collector != role.name:
				case s.Reason != w.reason || !strings.Contains(s.Error, w.text):
					t.Errorf("it says %s: %s", s.Reason, s.Error)
				case (up == 1) != (w.reason == ""):
					t.Errorf("pg_up is %v", up)
				}
			}
			if strings.Contains(log.String(), theSecret) {
				t.Errorf("the log shows the password:\n%s", log.String())
			}
		})
	}
}

// listen answers each connection as answer does, and returns the port.
func listen(t testing.TB, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
