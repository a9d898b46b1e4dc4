package certificates

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// A place is where a service's configuration lies, and how it names the files
// of its certificates: each group of the pattern is a file, or several with
// commas or blanks between them.
type place struct {
	service string
	globs   []string
	pattern string
	base    string // what paths are relative to
}

// places are those of Debian's packages, and of what most people copy.
var places = []place{
	{
		"nginx",
		[]string{"etc/nginx/nginx.conf", "etc/nginx/*.d/*", "etc/nginx/sites-enabled/*", "etc/nginx/snippets/*"},
		`(?m)^\s*ssl_certificate\s+"?([^\s;"]+)`, "etc/nginx",
	},
	{"apache2", []string{"etc/apache2/*.conf", "etc/apache2/*-enabled/*"}, `(?mi)^\s*SSLCertificateFile\s+"?([^\s"]+)`, "etc/apache2"},
	{"haproxy", []string{"etc/haproxy/*.cfg"}, `(?m)^[^#\n]*\scrt\s+(\S+)`, "etc/haproxy"},
	{
		"traefik",
		[]string{"etc/traefik/*.y*ml", "etc/traefik/*/*.y*ml", "etc/traefik/*.toml"},
		`(?m)^\s*-?\s*(?:certFile|storage)\s*[:=]\s*["']?([^\s"']+)`, "etc/traefik",
	},
	{"postfix", []string{"etc/postfix/main.cf"}, `(?m)^\s*smtpd_tls_(?:cert_file|chain_files)\s*=\s*([^\n#]+)`, "etc/postfix"},
	{"exim4", []string{"etc/exim4/exim4.conf*", "etc/exim4/conf.d/main/*"}, `(?m)^\s*(?:MAIN_TLS_CERTIFICATE|tls_certificate)\s*=\s*(/\S+)`, "etc/exim4"},
	{
		"dovecot",
		[]string{"etc/dovecot/dovecot.conf", "etc/dovecot/local.conf", "etc/dovecot/conf.d/*.conf"},
		`(?m)^\s*ssl_(?:cert\s*=\s*<|server_cert_file\s*=)\s*(\S+)`, "etc/dovecot",
	},
	{"slapd", []string{"etc/ldap/slapd.conf", "etc/ldap/slapd.d/cn=config.ldif"}, `(?m)^(?:olcTLSCertificateFile:|TLSCertificateFile)\s+(\S+)`, "etc/ldap"},
	{"postgresql", []string{"etc/postgresql/*/*/postgresql.conf", "etc/postgresql/*/*/conf.d/*.conf"}, `(?m)^\s*ssl_cert_file\s*=?\s*'([^']+)'`, ""},
	{"mariadb", []string{"etc/mysql/*.cnf", "etc/mysql/*.d/*.cnf"}, `(?m)^\s*ssl[-_]cert\s*=\s*"?([^\s"]+)`, ""},
	{"rabbitmq", []string{"etc/rabbitmq/rabbitmq.conf", "etc/rabbitmq/conf.d/*.conf"}, `(?m)^[a-z_.]*ssl_options\.certfile\s*=\s*(\S+)`, "etc/rabbitmq"},
}

var patterns = sync.OnceValue(func() []*regexp.Regexp {
	all := make([]*regexp.Regexp, len(places))
	for i, p := range places {
		all[i] = regexp.MustCompile(p.pattern)
	}
	return all
})

const (
	maxConfig = 1 << 20 // of a file of configuration; what comes after is not read
	maxFiles  = 500     // with certificates
)

// A found file is one that a service is configured with.
type found struct{ service, path string }

// find lists the files that services are configured with. Configuration that
// may not be read is told; what is not there is not.
func find(root string) ([]found, error) {
	var all []found
	var errs []error
	seen := map[found]bool{}
	for i, p := range places {
		for _, glob := range p.globs {
			files, _ := filepath.Glob(filepath.Join(root, glob)) // the pattern is ours
			for _, file := range files {
				text, err := read(file, maxConfig)
				switch {
				case errors.Is(err, errNoFile), errors.Is(err, fs.ErrNotExist):
					continue
				case err != nil:
					errs = append(errs, err)
					continue
				}
				for _, m := range patterns()[i].FindAllSubmatch(text, -1) {
					for _, path := range strings.FieldsFunc(string(m[1]), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
						f := found{p.service, p.absolute(path)}
						if f.path != "" && !seen[f] && len(all) < maxFiles {
							seen[f] = true
							all = append(all, f)
						}
					}
				}
			}
		}
	}
	return all, errors.Join(errs...)
}

// absolute makes a path of the configuration absolute. One with a variable in
// it is only known to the service.
func (p *place) absolute(path string) string {
	switch {
	case strings.ContainsAny(path, "$"), path == "none":
		return ""
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	case p.base == "":
		return ""
	}
	return filepath.Join("/", p.base, path)
}

// errNoFile is returned for a folder, a device or a pipe.
var errNoFile = errors.New("it is no regular file")

// read reads a regular file, no further than its limit.
func read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNoFile
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content := make([]byte, min(info.Size(), limit))
	n, err := f.Read(content)
	if err != nil && n == 0 && len(content) > 0 {
		return nil, err
	}
	return content[:n], nil
}
