package host

import (
	"context"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
)

// patience is how long the collector waits for a file system to answer after
// the last one that did. A disk answers in microseconds, a busy network file
// system in milliseconds; what takes longer hangs.
const patience = 2 * time.Second

// deadlineShare is how much of the time to its deadline the collector waits;
// the rest is for sending what it has.
const deadlineShare = 0.9

// statfsFunc asks how full the file system at path is. It may never return.
type statfsFunc func(ctx context.Context, path string) (usage, error)

// usage is what statfs(2) says of a file system.
type usage struct {
	size, free, available uint64 // bytes
	files, filesFree      uint64
}

// statfs asks the kernel.
func statfs(ctx context.Context, path string) (usage, error) {
	u, err := disk.UsageWithContext(ctx, path)
	if err != nil {
		return usage{}, err
	}
	return usage{
		size: u.Total, free: u.Total - u.Used, available: u.Free,
		files: u.InodesTotal, filesFree: u.InodesFree,
	}, nil
}

// calls asks the kernel how full file systems are. Of a file server that is
// gone such a call does not return, and nothing can interrupt it: it holds a
// goroutine and a thread until the server is back. So each mount is asked in
// a goroutine of its own, and one whose call is still in flight is not asked
// again: however many scrapes pass, a hung mount costs one goroutine.
type calls struct {
	statfs statfsFunc

	mu       sync.Mutex // guards inFlight
	inFlight map[callKey]struct{}
}

// callKey is the mount, not its path alone: where a hung file system was
// detached and mounted anew, the new one is asked, though the old hangs on.
type callKey struct{ id, path string }

// answer is what came of one call.
type answer struct {
	index int
	usage usage
	err   error
}

func newCalls(statfs statfsFunc) *calls {
	return &calls{statfs: statfs, inFlight: map[callKey]struct{}{}}
}

// start asks for one mount, unless it has not answered the last time yet. The
// goroutine ends when the kernel answers; back must have room for it.
func (c *calls) start(ctx context.Context, key callKey, index int, back chan<- answer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, hangs := c.inFlight[key]; hangs {
		return false
	}
	c.inFlight[key] = struct{}{}
	go func() {
		u, err := c.statfs(ctx, key.path)
		c.mu.Lock()
		delete(c.inFlight, key)
		c.mu.Unlock()
		back <- answer{index: index, usage: u, err: err}
	}()
	return true
}

// wait hands over the answers as they come, and returns when there are n,
// when 90 % of the time to ctx's deadline has passed, or when none came for
// as long as patience.
func wait(ctx context.Context, n int, back <-chan answer, take func(answer)) {
	var budget <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		timer := time.NewTimer(time.Duration(float64(time.Until(deadline)) * deadlineShare))
		defer timer.Stop()
		budget = timer.C
	}
	idle := time.NewTimer(patience)
	defer idle.Stop()
	for range n {
		select {
		case a := <-back:
			take(a)
			idle.Reset(patience)
		case <-idle.C:
			return
		case <-budget:
			return
		case <-ctx.Done():
			return
		}
	}
}
