package packaging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sys/unix"

	"tocsin/exporters/host"
	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// Who the unit's user is here: nobody, who exists everywhere.
const nobody = 65534

// orderVar hands an order to this test binary when it is started anew as one
// of the stages of the sandbox.
const orderVar = "TOCSIN_PACKAGING_ORDER"

// An order is what a stage is told.
type order struct {
	Stage   string // mounts, then page
	Unit    unit
	State   string // folder that stays writable
	Scratch string // folder for the first stage's own things
	Allowed []int  // system calls
	Exec    []string
}

// A view is what a process can see of the machine, and what it may do.
type view struct {
	Page         map[string]float64
	Failures     []string // of collectors
	WritesState  bool
	WritesOther  bool
	Capabilities string
	Packet       string // the error of a socket that the unit forbids
	SetsClock    string // the error of setting the clock
}

func TestMain(m *testing.M) {
	text := os.Getenv(orderVar)
	if text == "" {
		os.Exit(m.Run())
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.carryOut()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, o.Stage+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// carryOut is a stage. The first, as root, makes the view and gives up its
// rights; the second, as nobody, filters its system calls, then looks around
// or becomes another program.
func (o order) carryOut() error {
	u := o.Unit
	if o.Stage == "mounts" {
		runtime.LockOSThread() // rights are a thread's, and what it starts has them
		if err := errors.Join(confine(u, o.State, o.Scratch), surrender(u)); err != nil {
			return err
		}
		return o.becomeNobody()
	}
	// The change of user has undone it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	mask, err := strconv.ParseUint(u.last("UMask"), 8, 32)
	if err != nil {
		return err
	}
	unix.Umask(int(mask))
	if err := filterCalls(u, o.Allowed); err != nil {
		return err
	}
	if len(o.Exec) > 0 {
		if err := os.Unsetenv(orderVar); err != nil {
			return err
		}
		return unix.Exec(o.Exec[0], o.Exec, os.Environ())
	}
	return json.NewEncoder(os.Stdout).Encode(look(o.State))
}

// becomeNobody goes on with the second stage, in the same process.
func (o order) becomeNobody() error {
	o.Stage = "page"
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody),
		os.Setenv(orderVar, string(text))); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", []string{"page"}, os.Environ())
}

// look takes the page of this machine as this process sees it.
func look(state string) view {
	var cfg host.Config
	cfg.SetDefaults()
	log := slog.New(slog.DiscardHandler)
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: host.New(cfg, log)}, log)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	v := view{Page: map[string]float64{}}
	for _, family := range target.Gather(ctx) {
		for _, m := range family.GetMetric() {
			v.Page[series(family.GetName(), m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
	}
	for _, s := range target.States() {
		if s.Error != "" {
			v.Failures = append(v.Failures, s.Collector+": "+s.Error)
		}
	}
	v.WritesState = writes(state)
	v.WritesOther = writes("/tmp") || writes("/var/tmp") || writes("/dev/shm/..")
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		v.Capabilities = string(regexp.MustCompile(`CapEff:\s*(\w+)`).Find(status))
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	v.Packet = fmt.Sprint(err)
	v.SetsClock = fmt.Sprint(unix.Settimeofday(&unix.Timeval{}))
	return v
}

func writes(folder string) bool {
	f, err := os.CreateTemp(folder, "tocsin-writes")
	if err != nil {
		return false
	}
	defer f.Close()
	return os.Remove(f.Name()) == nil
}

func series(name string, m *dto.Metric) string {
	labels := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		labels[i] = l.GetName() + "=" + strconv.Quote(l.GetValue())
	}
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}

// inside looks from within the unit.
func inside(t *testing.T, change map[string]string) view {
	t.Helper()
	cmd := sandboxed(t, change, nil)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(errs.String(), "mounts:") && errors.Is(err, unix.EPERM) {
			testenv.Skip(t, "mounts cannot be made here: "+errs.String())
		}
		t.Fatalf("the sandbox: %v\n%s", err, errs.String())
	}
	var v view
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("the sandbox printed %q: %v", out, err)
	}
	return v
}

// sandboxed makes the command that looks around, or runs argv, inside the
// unit with some directives changed.
func sandboxed(t *testing.T, change map[string]string, argv []string) *exec.Cmd {
	t.Helper()
	testenv.Root(t, "makes mounts as systemd does for a unit")
	u, err := readUnit(variant(t, change))
	if err != nil {
		t.Fatal(err)
	}
	state := openFolder(t)
	if err := os.Chown(state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	o := order{Stage: "mounts", Unit: u, State: state, Scratch: openFolder(t), Allowed: allowedCalls(t, u), Exec: argv}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), orderVar+"="+string(text), "STATE_DIRECTORY="+state)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// mounted gives the machine a file system of known size for the test, which
// lies below /tmp, as a drill's would.
func mounted(t *testing.T, options string, flags uintptr) string {
	t.Helper()
	testenv.Root(t, "mounts a file system")
	point := filepath.Join(openFolder(t), "disk")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tocsin-test", point, "tmpfs", flags, options); err != nil {
		testenv.Skip(t, "a file system cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", point, err)
		}
	})
	return point
}

// steady are series whose values do not change from one look to the next.
var steady = regexp.MustCompile(`^node_(filesystem_(size_bytes|files|readonly|device_error|mount_info)|uname_info|boot_time_seconds|` +
	`memory_MemTotal_bytes|memory_SwapTotal_bytes|network_(info|mtu_bytes|speed_bytes|up|address_assign_type)|disk_info|timex_tick_seconds)\{`)

// Other tests of this run mount things as root that an ordinary user cannot
// ask, inside the unit or outside: file systems in user space, which answer
// whom they like, and what lies below folders that are closed to others.
var (
	userSpace  = regexp.MustCompile(`fstype="fuse`)
	mountPoint = regexp.MustCompile(`mountpoint=("(?:[^"\\]|\\.)*")`)
)

func askable(series string) bool {
	match := mountPoint.FindStringSubmatch(series)
	if match == nil {
		return true
	}
	point, err := strconv.Unquote(match[1])
	if err != nil || userSpace.MatchString(series) {
		return false
	}
	for folder := filepath.Dir(point); folder != "/"; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
	}
	return true
}

// differences compares the page inside with those taken outside before and
// after it: other tests mount and unmount meanwhile.
func differences(in, before, after view) []string {
	var found []string
	for name, value := range before.Page {
		later, still := after.Page[name]
		seen, ok := in.Page[name]
		switch {
		case !still || !askable(name) || strings.Contains(name, "_duration_seconds"):
		case !ok:
			found = append(found, "missing inside: "+name)
		case value == later && seen != value && steady.MatchString(name):
			found = append(found, fmt.Sprintf("%s is %v inside, %v outside", name, seen, value))
		}
	}
	for name := range in.Page {
		_, was := before.Page[name]
		_, is := after.Page[name]
		if !was && !is && askable(name) {
			found = append(found, "only inside: "+name)
		}
	}
	slices.Sort(found)
	return found
}

func TestUnit_pageIsTheSameInside(t *testing.T) {
	disk := mounted(t, "size=8m,nr_inodes=321,mode=755", 0)
	frozen := mounted(t, "size=4m,mode=755", unix.MS_RDONLY)
	before := look(t.TempDir())
	in := inside(t, nil)
	after := look(t.TempDir())

	for _, difference := range differences(in, before, after) {
		t.Error(difference)
	}
	for _, failure := range in.Failures {
		t.Error("inside, a collector failed: ", failure)
	}
	const size = "node_filesystem_size_bytes"
	for point, want := range map[string]float64{disk: 8 << 20, frozen: 4 << 20} {
		name := size + series("", &dto.Metric{Label: []*dto.LabelPair{
			label("device", "tocsin-test"), label("device_error", ""), label("fstype", "tmpfs"), label("mountpoint", point),
		}})
		if got, ok := in.Page[name]; !ok || got != want {
			t.Errorf("%s is %v (%t) inside, want %v", name, got, ok, want)
		}
	}
	t.Logf("%d series compared", len(in.Page))
}

func label(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

func TestUnit_takesTheRestAway(t *testing.T) {
	in := inside(t, nil)
	if !in.WritesState {
		t.Error("the state folder cannot be written")
	}
	if in.WritesOther {
		t.Error("something else than the state folder can be written")
	}
	if !strings.HasSuffix(in.Capabilities, "0000000000000000") {
		t.Errorf("capabilities are left: %s", in.Capabilities)
	}
	if in.Packet != unix.EAFNOSUPPORT.Error() {
		t.Errorf("a packet socket: %s, want it refused by the filter", in.Packet)
	}
	if in.SetsClock != unix.EPERM.Error() {
		t.Errorf("setting the clock: %s, want it refused", in.SetsClock)
	}
}

// TestUnit_weakerForAReason proves that what the unit leaves out would make
// the page lie, and that the comparison sees it.
func TestUnit_weakerForAReason(t *testing.T) {
	for directive, value := range map[string]string{
		"PrivateTmp": "yes", "ProtectProc": "invisible", "ProcSubset": "pid", "ProtectClock": "yes",
	} {
		t.Run(directive, func(t *testing.T) {
			mounted(t, "size=8m,mode=755", 0)
			before := look(t.TempDir())
			in := inside(t, map[string]string{directive: value})
			found := differences(in, before, look(t.TempDir()))
			if len(found) == 0 && len(in.Failures) == 0 {
				t.Errorf("with %s=%s the page is the same: use it", directive, value)
			}
			t.Logf("%d differences, as: %.3q, failures: %q", len(found), found[:min(3, len(found))], in.Failures)
		})
	}
}
