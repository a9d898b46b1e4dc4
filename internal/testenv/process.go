package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopGrace is how long Stop waits after SIGTERM before it kills: what a
// server with a database to close may take on a busy machine.
const stopGrace = 15 * time.Second

// A Process is a program that runs for one test. Its methods may be used from
// several goroutines.
type Process struct {
	name  string
	grace time.Duration
	end   syscall.Signal // what Stop asks it to end with
	cmd   *exec.Cmd      // its ProcessState is readable once done is closed
	out   output
	done  chan struct{} // closed when the program has ended
}

// Start runs a program until the test ends. What it prints is kept, and
// logged when the test fails.
func Start(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	return StartCmd(t, exec.Command(path, args...))
}

// StartCmd is Start for a command with a folder, an environment or a user of
// its own. Stdout and Stderr are taken over.
func StartCmd(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{name: filepath.Base(cmd.Path), grace: stopGrace, end: syscall.SIGTERM, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	// A grandchild that keeps the output open must not keep Wait waiting.
	cmd.WaitDelay = 5 * time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL

	started := make(chan error)
	go p.run(started) // ends with the program, which cleanup kills
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s (pid %d) ended with %s and printed:\n%s", p.name, p.PID(), p.cmd.ProcessState, p.Output())
		}
	})
	return p
}

// run starts the program and waits for it on one thread: the kernel sends
// Pdeathsig when the thread that started the child ends, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is in ProcessState
	close(p.done)
}

// PID returns the process id, which is its process group's too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU returns what the program has used of the processors, see the function.
func (p *Process) CPU(t testing.TB) time.Duration {
	t.Helper()
	return CPU(t, p.PID())
}

// CPU returns what a process has used of the processors: user and system time,
// which the kernel counts in hundredths of a second (proc(5), stat).
func CPU(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may have spaces
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("%v, %v in %s", err1, err2, stat)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}

// Output returns what the program has printed so far, the last MiB of it.
func (p *Process) Output() string { return p.out.String() }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the program's end and returns its exit code, -1 when a
// signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the program alone, not to its children.
func (p *Process) Signal(s syscall.Signal) error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended: %w", p.name, syscall.ESRCH)
	default:
		return p.cmd.Process.Signal(s)
	}
}

// alive returns an error, errEnded, once the program has ended.
func (p *Process) alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w (%s) and printed:\n%s", p.name, errEnded, p.cmd.ProcessState, p.Output())
	default:
		return nil
	}
}

// Stop ends the program with SIGTERM, or the signal that its kind wants, after
// 15 s with SIGKILL, and waits for its end. Stopping what has ended does nothing.
func (p *Process) Stop() {
	_ = p.Signal(p.end) // it may have ended in between
	select {
	case <-p.done:
		p.killGroup() // children that outlived it
	case <-time.After(p.grace):
		p.Kill()
	}
}

// Kill ends the program and its children as kill -9 does, and waits for it.
func (p *Process) Kill() {
	p.killGroup()
	<-p.done
}

// killGroup kills all that is left of the process group. The group's id stays
// taken while it has members, so it is nobody else's.
func (p *Process) killGroup() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) }

// maxOutput bounds what is kept of a program's output.
const maxOutput = 1 << 20

// output keeps the end of what a program prints.
type output struct {
	mu   sync.Mutex // guards kept
	kept []byte
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, b...)
	if over := len(o.kept) - maxOutput; over > 0 {
		o.kept = append(o.kept[:0], o.kept[over:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept)
}
