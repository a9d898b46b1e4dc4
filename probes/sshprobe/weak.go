package sshprobe

import (
	"crypto/rsa"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// shortRSA is what a short RSA key is told as; nobody's name for it is known.
const shortRSA = "rsa-under-2048-bits"

// weak are the algorithms that are to be switched off, and those that say
// with their beginnings that they are of a family that is. The list is
// closed: it is the values of the label algorithm.
//
// Source: RFC 9142, table 12 (key exchange); RFC 8332 and RFC 8758, that
// SHA-1 signatures and RC4 are no longer safe; RFC 4344 and OpenSSH's release
// notes since 6.7, 7.0 and 7.6 for the other ciphers and MACs.
func weak() map[string][]string {
	return map[string][]string{
		"kex": {
			"diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "rsa1024-sha1",
			"gss-group1-sha1-*", "gss-group14-sha1-*", "gss-gex-sha1-*",
		},
		"host_key": {"ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com"},
		"cipher": {
			"none", "des-cbc", "3des-cbc", "blowfish-cbc", "cast128-cbc", "idea-cbc", "arcfour", "arcfour128", "arcfour256",
			"aes128-cbc", "aes192-cbc", "aes256-cbc", "rijndael-cbc@lysator.liu.se",
		},
		"mac": {
			"none", "hmac-md5", "hmac-md5-96", "hmac-sha1-96", "hmac-ripemd160", "hmac-ripemd160@openssh.com",
			"hmac-md5-etm@openssh.com", "hmac-md5-96-etm@openssh.com", "hmac-sha1-96-etm@openssh.com", "hmac-ripemd160-etm@openssh.com",
		},
	}
}

// finding is one algorithm that is weak.
type finding struct{ kind, algorithm string }

// weaknesses lists what of a server's algorithms and keys is weak.
func weaknesses(h *hello, keys []ssh.PublicKey) []finding {
	var found []finding
	known := weak()
	for _, of := range []struct {
		kind    string
		offered []string
	}{{"kex", h.kex}, {"host_key", h.hostKeys}, {"cipher", h.ciphers}, {"mac", h.macs}} {
		for _, w := range known[of.kind] {
			family, isFamily := strings.CutSuffix(w, "*")
			if slices.ContainsFunc(of.offered, func(o string) bool { return o == w || isFamily && strings.HasPrefix(o, family) }) {
				found = append(found, finding{of.kind, w})
			}
		}
	}
	for _, k := range keys {
		if c, ok := k.(ssh.CryptoPublicKey); ok {
			if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
				found = append(found, finding{"host_key", shortRSA})
			}
		}
	}
	return found
}
