package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tocsin": main})
}

// TestScripts runs the command lines of testdata/script: one archive has the
// command, its input files, and exactly what it says.
//
// $URL is a server that answers /ok, and fails at /broken.
func TestScripts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte("Bienvenue"))
	}))
	t.Cleanup(server.Close)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TZ", "UTC")
			env.Setenv("URL", server.URL)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "expand": expand, "hex": writeHex, "repeat": repeat,
		},
		UpdateScripts: *update,
	})
}

// exits runs tocsin and demands its exit code: "exits 2 check tocsin.yml".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE [VERB ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("tocsin", args[1:]...)
	got := 0
	if status := (*exec.ExitError)(nil); errors.As(err, &status) {
		got = status.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("tocsin %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// expand puts the variables of the script into a file: "expand FILE".
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// writeHex appends bytes to a file that an archive cannot hold: "hex FILE ff".
func writeHex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hex FILE BYTES")
	}
	b, err := hex.DecodeString(args[1])
	ts.Check(err)
	ts.Check(appendTo(ts.MkAbs(args[0]), string(b)))
}

// repeat appends a text to a file many times: "repeat FILE 1000 TEXT".
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE TIMES TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(appendTo(ts.MkAbs(args[0]), strings.Repeat(args[2]+"\n", n)))
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
