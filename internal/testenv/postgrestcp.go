package testenv

import (
	"path/filepath"
	"strconv"
	"testing"
)

// PostgresTCP is Postgres on a port of 127.0.0.1 besides its socket. Hba are the
// lines of pg_hba.conf for those who come by TCP; files lie in its folder, and
// belong to it: the certificate server.pem with server.key turns TLS on, ca.pem
// is what client certificates come from.
func PostgresTCP(t testing.TB, hba string, files map[string]string, args ...string) *Cluster {
	t.Helper()
	port := Port(t)
	args = append([]string{"-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(port)}, args...)
	c := newCluster(t, Program(t, "initdb", "postgresql"), Program(t, "postgres", "postgresql"), args...)
	c.Port = port
	c.home.write(t, "data/pg_hba.conf", 0o600, "local all all trust\n"+hba+"\n")
	for name, content := range files {
		c.home.write(t, name, 0o600, content)
		if setting := map[string]string{"server.pem": "ssl_cert_file", "server.key": "ssl_key_file", "ca.pem": "ssl_ca_file"}[name]; setting != "" {
			c.args = append(c.args, "-c", "ssl=on", "-c", setting+"="+filepath.Join(c.Dir, name))
		}
	}
	c.Start(t)
	return c
}
