package packaging

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
)

// TestUnit_carriesTheProgram runs the whole program, engine and all, inside
// the unit: it says when it is ready and that it lives, measures what is seen
// outside, keeps its state, and ends when told to.
func TestUnit_carriesTheProgram(t *testing.T) {
	testenv.Root(t, "makes mounts as systemd does for a unit")
	program := build(t)
	disk := mounted(t, "size=8m,mode=755", 0)
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	systemd := listenForNotices(t)

	cmd := sandboxed(t, nil, []string{program, "run", "--listen", address})
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+systemd.path, "WATCHDOG_USEC=500000", "HOME=/nonexistent")
	p := testenv.StartCmd(t, cmd)
	systemd.await(t, p, "READY=1")
	systemd.await(t, p, "WATCHDOG=1")

	before := look(t.TempDir())
	in := scrape(t, http.DefaultClient, "http://"+address+"/metrics")
	after := look(t.TempDir())
	for _, difference := range differences(in, before, after) {
		if !strings.HasPrefix(difference, "only inside: ") { // the page has what Tocsin says of itself
			t.Error(difference)
		}
	}
	found := false
	for name, value := range in.Page {
		if strings.HasPrefix(name, "node_filesystem_size_bytes{") && strings.Contains(name, disk) {
			found = value == 8<<20
		}
		if strings.HasPrefix(name, "tocsin_collector_success{") && value != 1 {
			t.Errorf("%s is %v inside", name, value)
		}
	}
	if !found {
		t.Errorf("the file system at %s is not on the page with its size", disk)
	}

	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	systemd.await(t, nil, "STOPPING=1")
	if code := p.ExitCode(); code != 0 {
		t.Errorf("it ended with exit code %d", code)
	}
	if lines := refusals(p.Output()); len(lines) > 0 {
		t.Errorf("the unit refused what the program needs:\n%s", strings.Join(lines, "\n"))
	}
}

// refusals are the lines of a log that speak of missing rights.
func refusals(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.EROFS, syscall.EAFNOSUPPORT} {
			if strings.Contains(line, errno.Error()) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// build makes the program as make build does, where nobody can run it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openFolder(t), "tocsin")
	cmd := exec.Command("go", "build", "-trimpath", "-tags=timetzdata", "-ldflags", "-s -w", "-o", path, "./cmd/tocsin")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// notices plays systemd's part of sd_notify(3).
type notices struct {
	path string
	conn *net.UnixConn
}

func listenForNotices(t *testing.T) *notices {
	t.Helper()
	path := filepath.Join(openFolder(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	return &notices{path: path, conn: conn}
}

// await reads notices until one comes that says want.
func (n *notices) await(t *testing.T, p *testenv.Process, want string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	buffer := make([]byte, 4096)
	for time.Now().Before(deadline) {
		if err := n.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		count, err := n.conn.Read(buffer)
		if err == nil && strings.Contains(string(buffer[:count]), want) {
			return
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if p == nil {
			continue
		}
		select {
		case <-p.Done():
			t.Fatalf("it ended before it said %s:\n%s", want, p.Output())
		default:
		}
	}
	if p != nil {
		explain(t, p)
	}
	t.Fatalf("it never said %s", want)
}

// explain logs where a program that hangs does so: in the kernel, thread by
// thread, then in its own code, for SIGQUIT makes a Go program print that.
func explain(t *testing.T, p *testenv.Process) {
	t.Helper()
	stacks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stack", p.PID())) // the pattern is ours
	for _, path := range stacks {
		stack, err := os.ReadFile(path)
		t.Logf("%s (%v):\n%s", path, err, stack)
	}
	if err := p.Signal(syscall.SIGQUIT); err != nil {
		t.Log(err)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
	}
}

// scrape reads a page as Prometheus would.
func scrape(t *testing.T, client *http.Client, url string) view {
	t.Helper()
	v := view{Page: map[string]float64{}}
	testenv.Eventually(t, 30*time.Second, url, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(response.Body)
		if err != nil {
			return err
		}
		for name, family := range families {
			for _, m := range family.GetMetric() {
				v.Page[series(name, m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
			}
		}
		return nil
	})
	return v
}
