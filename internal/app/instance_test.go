package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// runAsTocsin makes the test binary a Tocsin: the drills start and kill real
// processes, race detector included.
const runAsTocsin = "TOCSIN_TEST_RUN"

func TestMain(m *testing.M) {
	if config := os.Getenv(runAsTocsin); config != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		reload := make(chan struct{})
		go func() {
			for range hangups {
				reload <- struct{}{}
			}
		}()
		err := Run(ctx, Options{ConfigFile: config, Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Reload: reload})
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const hangup = syscall.SIGHUP

// instance is one Tocsin, a process of its own.
type instance struct {
	t       testing.TB
	dir     string
	config  string
	address string
	process *testenv.Process
}

// newInstance writes a site file, which gets its listen and data_dir.
func newInstance(t testing.TB, name, site string) *instance {
	t.Helper()
	in := &instance{t: t, dir: filepath.Join(t.TempDir(), name), address: fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))}
	if err := os.MkdirAll(in.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	in.config = filepath.Join(in.dir, "tocsin.yml")
	in.write(site)
	return in
}

func (in *instance) write(site string) {
	in.t.Helper()
	text := fmt.Sprintf("listen: %s\ndata_dir: %s\n%s", in.address, filepath.Join(in.dir, "data"), site)
	if err := os.WriteFile(in.config, []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

// start runs it and returns when it does its work.
func (in *instance) start() {
	in.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runAsTocsin+"="+in.config)
	in.process = testenv.StartCmd(in.t, cmd)
	testenv.WaitHTTP(in.t, in.url("/-/ready"))
}

func (in *instance) url(path string) string { return "http://" + in.address + path }

// get returns an answer's body.
func (in *instance) get(path string) string {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodGet, in.url(path), nil)
	if err != nil {
		in.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return string(b)
}

// eventually waits for a condition, and fails with what is known when it does
// not come.
func eventually(t testing.TB, within time.Duration, what string, known func() string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < within {
		if ok() {
			return time.Since(began)
		}
		<-tick.C
	}
	t.Fatalf("not within %s: %s\nknown: %s", within, what, known())
	return 0
}

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// newest asks a hub for the one value that an expression has now; "" is none.
func newest(in *instance, query string) string {
	in.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	text := in.get("/api/v1/query?query=" + url.QueryEscape(query))
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		in.t.Fatalf("%s: %v: %s", query, err, text)
	}
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}
