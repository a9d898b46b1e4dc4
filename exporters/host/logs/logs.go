package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/frame"
)

// Every is the collector's own clock.
const Every = 30 * time.Second

var (
	targetInfo = &frame.Family{
		Name: "tocsin_host_log_forwarding_info", Labels: []string{"by", "protocol", "target"},
		Help: "Where the settings of rsyslog (rsyslog), of systemd-journal-upload (upload) or of journald (journald) send this machine's log; always 1.",
	}
	targetCount = &frame.Family{
		Name: "tocsin_host_log_forwarding_targets",
		Help: "To how many places rsyslog and journald send this machine's log; what other programs send (syslog-ng, Vector, ...) is not known.",
	}
	required = &frame.Family{
		Name: "tocsin_host_log_forwarding_required",
		Help: "Whether the site file wants this machine's log to be sent elsewhere.",
	}
	lastLine = &frame.Family{
		Name: "tocsin_host_log_source_last_timestamp_seconds", Labels: []string{"source"},
		Help: "When the newest line of a source that the site file names was written here, in seconds since 1970: the newest change of its files that are not empty; 0 where there is none.",
	}
	longestSilence = &frame.Family{
		Name: "tocsin_host_log_source_longest_silence_seconds", Labels: []string{"source"},
		Help: "How long the source may be silent, by the site file.",
	}
)

// maxTargets bounds how many targets are told one by one.
const maxTargets = 100

// collector is the collector logs. It implements frame.Explainer.
type collector struct {
	root     string
	required bool
	sources  Sources
	now      func() time.Time

	mu      sync.Mutex // guards explain
	explain string
}

// New returns the collector of the machine whose files lie under root. The
// sources are such that Validate has found nothing wrong with.
func New(root string, required bool, sources Sources, now func() time.Time) frame.Collector {
	return &collector{root: root, required: required, sources: sources, now: now}
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "logs" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return append([]*frame.Family{targetInfo, targetCount, required, lastLine, longestSilence}, statsFamilies()...)
}

// Explain implements frame.Explainer.
func (c *collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	settings, err := readRsyslog(c.root)
	upload, err2 := readJournal(c.root)
	errs := []error{err, err2}
	words := ""
	targets := append(settings.targets, upload.targets...)
	if settings.found || upload.found || c.required {
		s.Send(required, truth(c.required))
		if err == nil && err2 == nil { // else some may be unknown
			s.Send(targetCount, float64(len(targets)))
		}
	}
	for _, t := range targets[:min(len(targets), maxTargets)] {
		s.Send(targetInfo, 1, t.by, t.protocol, t.address)
	}
	if settings.stats != "" {
		err := sendStats(s, filepath.Join(c.root, settings.stats), c.now())
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOldStats) {
			words = fmt.Sprintf("rsyslog's queues are not measured: %v; packaging/README.md says how they are", err)
			err = nil
		}
		errs = append(errs, err)
	}
	c.mu.Lock()
	c.explain = words
	c.mu.Unlock()
	for _, source := range c.sources {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		newest, err := newestChange(filepath.Join(c.root, source.Files))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", source.Name, err))
			continue
		}
		s.Send(lastLine, newest, source.Name)
		s.Send(longestSilence, time.Duration(source.Longest).Seconds(), source.Name)
	}
	if err := errors.Join(errs...); err != nil || settings.found || upload.found || c.required || len(c.sources) > 0 {
		return err
	}
	return frame.ErrNoData
}

// A target is where logs are sent to.
type target struct{ by, protocol, address string }

// forwarding is what settings say.
type forwarding struct {
	found   bool // there are settings
	targets []target
	stats   string // the file of rsyslog's own numbers
}

// add adds a target once.
func (f *forwarding) add(by, protocol, address string) {
	t := target{by, clean(protocol), clean(address)}
	if address != "" && !slices.Contains(f.targets, t) {
		f.targets = append(f.targets, t)
	}
}

// clean makes a text fit for a label.
func clean(text string) string { return strings.ToValidUTF8(text[:min(len(text), 200)], "\uFFFD") }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
