package sshprobe

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// said makes what a server begins with out of its lists of names.
func said(before string, lists ...string) []byte {
	payload := append([]byte{20}, make([]byte, 16)...)
	for _, l := range lists {
		payload = append(payload, 0, 0, byte(len(l)>>8), byte(len(l)))
		payload = append(payload, l...)
	}
	const padding = 4
	size := 1 + len(payload) + padding
	packet := append([]byte{0, 0, byte(size >> 8), byte(size), padding}, payload...)
	return append([]byte(before), append(packet, 1, 2, 3, 4)...)
}

func TestParse(t *testing.T) {
	whole := said("welcome\r\nSSH-2.0-Dropbear_2022.83\r\n", "k1,k2", "h1", "c1", "c2", "m1", "", "none", "none", "", "")
	h := parse(whole)
	want := hello{version: "2.0", software: "Dropbear_2022.83", kex: []string{"k1", "k2"}, hostKeys: []string{"h1"}, ciphers: []string{"c1", "c2"}, macs: []string{"m1"}}
	if diff := cmp.Diff(want, h, cmp.AllowUnexported(hello{})); diff != "" {
		t.Error(diff)
	}
	for n := range whole { // whatever has come
		parse(whole[:n])
	}
}

func TestWeaknesses(t *testing.T) {
	h := hello{
		kex:      []string{"curve25519-sha256", "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==", "diffie-hellman-group1-sha1"},
		hostKeys: []string{"ssh-ed25519", "rsa-sha2-512"}, ciphers: []string{"aes128-cbc", "aes128-cbc"}, macs: []string{"hmac-sha1"},
	}
	want := []finding{{"kex", "diffie-hellman-group1-sha1"}, {"kex", "gss-gex-sha1-*"}, {"cipher", "aes128-cbc"}}
	if got := weaknesses(&h, nil); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(said("SSH-2.0-OpenSSH_9.2\r\n", "a", "b", "c", "d", "e", "f"))
	f.Add([]byte("SSH-2.0-x\n\x7f\xff\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if version, never := before(b); version && never {
			t.Errorf("%q is and is not a version", b)
		}
		h := parse(b)
		if n := len(h.version) + len(h.software) + len(h.kex) + len(h.hostKeys) + len(h.ciphers) + len(h.macs); n > 2*len(b)+6 {
			t.Errorf("%d out of %d bytes", n, len(b))
		}
	})
}
