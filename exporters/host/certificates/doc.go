// Package certificates tells of the certificates that the machine's services
// are configured with: when each ends, and which it is, so that one that was
// renewed but never loaded is seen beside what a probe is served.
//
// The files are found in the configuration of nginx, Apache, HAProxy, Traefik,
// Postfix, Exim, Dovecot, OpenLDAP, PostgreSQL, MariaDB and RabbitMQ where
// Debian keeps it; the site file names others. They may be PEM, DER, Traefik's
// acme.json, PKCS#12 or a Java keystore. Private keys are never looked at.
//
// It is not for what a service really serves: that is for probes.
package certificates
