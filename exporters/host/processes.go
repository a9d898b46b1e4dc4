//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	processThreads      = &frame.Family{Name: "node_processes_threads", Help: "Threads of all processes."}
	processMaxThreads   = &frame.Family{Name: "node_processes_max_threads", Help: "How many threads the kernel starts at most."}
	processThreadsState = &frame.Family{Name: "node_processes_threads_state", Labels: []string{"thread_state"}, Help: "Threads by state, in the kernel's letters (proc(5), stat)."}
	processState        = &frame.Family{Name: "node_processes_state", Labels: []string{"state"}, Help: "Processes by state, in the kernel's letters (proc(5), stat)."}
	processPIDs         = &frame.Family{Name: "node_processes_pids", Help: "Processes."}
	processMaxPIDs      = &frame.Family{Name: "node_processes_max_processes", Help: "The number at which process ids begin again."}
)

// processes is the collector processes. It reads a file a process, and where
// a process has several threads, a file a thread: that is why it is off unless
// it is asked for. Package procfs reads the threads of all processes.
type processes struct{ roots *roots }

func newProcesses(r *roots) *processes { return &processes{roots: r} }

// Name implements frame.Collector.
func (c *processes) Name() string { return "processes" }

// Families implements frame.Collector.
func (c *processes) Families() []*frame.Family {
	return []*frame.Family{processThreads, processMaxThreads, processThreadsState, processState, processPIDs, processMaxPIDs}
}

// census counts processes and threads.
type census struct {
	processes, threads          int
	processStates, threadStates map[byte]int
}

// Collect implements frame.Collector.
func (c *processes) Collect(ctx context.Context, s *frame.Sink) error {
	pids, err := list(c.roots.proc)
	if err != nil {
		return err
	}
	n := census{processStates: map[byte]int{}, threadStates: map[byte]int{}}
	for _, pid := range pids {
		if digits(pid) != len(pid) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err // half of a census is none
		}
		if err := c.process(&n, pid); err != nil && !vanished(err) {
			return err
		}
	}
	if n.processes == 0 {
		return frame.ErrNoData
	}
	s.Send(processPIDs, float64(n.processes))
	s.Send(processThreads, float64(n.threads))
	for state, count := range n.processStates {
		s.Send(processState, float64(count), string(rune(state)))
	}
	for state, count := range n.threadStates {
		s.Send(processThreadsState, float64(count), string(rune(state)))
	}
	return within(filepath.Join(c.roots.proc, "sys/kernel"), func(a *attributes) {
		a.send(s, []numberFile{{"threads-max", processMaxThreads, 1}, {"pid_max", processMaxPIDs, 1}})
	})
}

func (c *processes) process(n *census, pid string) error {
	state, threads, err := c.stat(pid, "stat")
	if err != nil {
		return err
	}
	n.processes++
	n.threads += threads
	n.processStates[state]++
	if threads <= 1 {
		n.threadStates[state]++
		return nil
	}
	tasks, err := list(c.roots.proc, pid, "task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		of := state
		if task != pid {
			if of, _, err = c.stat(pid, "task/"+task+"/stat"); err != nil {
				if vanished(err) {
					continue
				}
				return err
			}
		}
		n.threadStates[of]++
	}
	return nil
}

// stat reads state and number of threads, the 3rd and the 20th field. The 2nd,
// a name, is whatever the process wants, in parentheses.
func (c *processes) stat(pid, file string) (state byte, threads int, err error) {
	path := filepath.Join(c.roots.proc, pid, file)
	err = c.roots.read(path, func(content []byte) error {
		_, rest, found := bytes.Cut(content[max(0, bytes.LastIndexByte(content, ')')):], []byte(") "))
		fields := bytes.Fields(rest)
		if !found || len(fields) < 18 || len(fields[0]) != 1 || fields[0][0] < 'A' || fields[0][0] > 'z' {
			return malformed(path, content)
		}
		if threads, err = strconv.Atoi(string(fields[17])); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		state = fields[0][0]
		return nil
	})
	return state, threads, err
}

// vanished tells whether a process ended while it was looked at.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}
