package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Rbldnsd runs a name server of blocklists on this port of 127.0.0.1 until the
// test ends, and returns once it answers. The list has the addresses of two
// files in rbldnsd's form, ip4set and ip6trie.
func Rbldnsd(t testing.TB, port int, list, ip4set, ip6trie string) *Process {
	t.Helper()
	program := Program(t, "rbldnsd", "rbldnsd")
	dir := ShortDir(t)
	for name, content := range map[string]string{"v4": ip4set, "v6": ip6trie} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-n", "-b", fmt.Sprintf("127.0.0.1/%d", port), "-w", dir}
	if os.Geteuid() == 0 { // which it refuses to be
		args = append(args, "-u", "rbldns")
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	p := Start(t, program, append(args, list+":ip4set:v4", list+":ip6trie:v6")...)
	Eventually(t, httpPatience, "rbldnsd answers", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		defer conn.Close()
		return echo(conn, []byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}) // for the A record of the root
	})
	return p
}

// echo sends a datagram and waits for one.
func echo(conn net.Conn, question []byte) error {
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err := conn.Write(question)
	if err == nil {
		_, err = conn.Read(make([]byte, 512))
	}
	return err
}
