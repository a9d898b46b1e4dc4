package testenv

import (
	"strconv"
	"testing"
)

// Redis runs one on this port of 127.0.0.1 until the test ends, and returns
// once it listens. Nothing of it is kept on disk. More arguments are given to
// it as they are.
func Redis(t testing.TB, port int, args ...string) *Process {
	t.Helper()
	program := Program(t, "redis-server", "redis-server")
	p := Start(t, program, append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)...)
	p.waitTCP(t, port)
	return p
}
