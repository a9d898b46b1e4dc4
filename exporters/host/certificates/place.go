package certificates

// A place is where the configuration of a service begins, how it is written,
// and which of its statements name files.
type place struct {
	service string
	begin   []string // patterns of files, below the root
	read    syntax
	// certificates are the statements that name files with certificates; a * in
	// one stands for any letters.
	certificates []string
	// includes are the statements that name more configuration.
	includes map[string]include
	// base is the folder that paths are relative to. Without it that is only
	// known to the service.
	base string
	// nearby is for includes that are relative to the file that they stand in.
	nearby bool
	// keys is for a service that also takes files with a key alone in the place
	// of a certificate's.
	keys bool
}

// An include is how what a statement includes is read: as the file it stands
// in, if read is nil, and of a folder the files of a pattern.
type include struct {
	read   syntax
	within string
}

// places are those of Debian's packages, and of what most people copy.
var places = []place{
	{
		service: "nginx", begin: []string{"etc/nginx/nginx.conf"}, base: "etc/nginx", read: nginxStatements,
		certificates: []string{"ssl_certificate"}, includes: map[string]include{"include": {}},
	},
	{
		service: "apache2", begin: []string{"etc/apache2/apache2.conf"}, base: "etc/apache2", read: lines{folded: "\\\n", quotes: `"'`, anyCase: true}.statements,
		certificates: []string{"sslcertificatefile"}, includes: map[string]include{"include": {within: "*"}, "includeoptional": {within: "*"}},
	},
	{
		service: "haproxy", begin: []string{"etc/haproxy/*.cfg"}, base: "etc/haproxy", read: haproxyStatements, keys: true,
		certificates: []string{"crt"}, includes: map[string]include{"crt-list": {read: haproxyList}},
	},
	{
		service: "traefik", begin: []string{"etc/traefik/*.y*ml", "etc/traefik/*/*.y*ml", "etc/traefik/*.toml"}, base: "etc/traefik", read: traefikStatements,
		certificates: []string{"certfile", "storage"}, includes: map[string]include{"filename": {}, "directory": {within: "*.[yt]*ml"}},
	},
	{
		service: "postfix", begin: []string{"etc/postfix/main.cf"}, base: "etc/postfix", read: lines{folded: "\n ", between: ","}.statements, keys: true,
		certificates: []string{"smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_chain_files"},
	},
	{
		service: "postfix", begin: []string{"etc/postfix/master.cf"}, base: "etc/postfix", read: masterStatements, keys: true,
		certificates: []string{"smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_chain_files"},
	},
	{
		service: "exim4", begin: []string{"etc/exim4/exim4.conf*", "etc/exim4/conf.d/main/*"}, read: lines{folded: "\\\n", quotes: `"`, between: ":"}.statements,
		certificates: []string{"MAIN_TLS_CERTIFICATE", "tls_certificate"}, includes: map[string]include{".include": {}, ".include_if_exists": {}},
	},
	{
		service: "dovecot", begin: []string{"etc/dovecot/dovecot.conf"}, base: "etc/dovecot", nearby: true, read: dovecotStatements,
		certificates: []string{"ssl_cert", "ssl_alt_cert", "ssl_server_cert_file", "ssl_server_alt_cert_file"},
		includes:     map[string]include{"!include": {}, "!include_try": {}},
	},
	{
		service: "slapd", begin: []string{"etc/ldap/slapd.conf"}, base: "etc/ldap", read: lines{folded: "\n ", quotes: `"`, anyCase: true}.statements,
		certificates: []string{"tlscertificatefile"}, includes: map[string]include{"include": {}},
	},
	{
		service: "slapd", begin: []string{"etc/ldap/slapd.d/cn=config.ldif"}, base: "etc/ldap", read: ldifStatements,
		certificates: []string{"olctlscertificatefile"},
	},
	{
		service: "postgresql", begin: []string{"etc/postgresql/*/*/postgresql.conf"}, nearby: true, read: lines{quotes: `'`}.statements,
		certificates: []string{"ssl_cert_file"},
		includes:     map[string]include{"include": {}, "include_if_exists": {}, "include_dir": {within: "*.conf"}},
	},
	{
		service: "mariadb", begin: []string{"etc/mysql/my.cnf", "etc/mysql/mariadb.cnf"}, nearby: true, read: lines{quotes: `"'`}.statements,
		certificates: []string{"ssl_cert", "ssl-cert"}, includes: map[string]include{"!include": {}, "!includedir": {within: "*.cnf"}},
	},
	{
		service: "rabbitmq", begin: []string{"etc/rabbitmq/rabbitmq.conf", "etc/rabbitmq/conf.d/*.conf"}, base: "etc/rabbitmq", read: lines{quotes: `"'`}.statements,
		certificates: []string{"ssl_options.certfile", "*.ssl_options.certfile", "*.ssl.certfile"},
	},
}
