package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"tocsin/internal/frame"
)

// Bounds of what is read of rsyslog's own numbers.
const (
	statsTail     = 256 << 10        // bytes from the end
	statsPatience = 15 * time.Minute // three of impstats' default intervals
	maxStats      = 200              // queues, and as many actions
)

var errOldStats = errors.New("rsyslog has written no numbers of late")

// A number is one of the values of a line, and the family that has it.
type number struct {
	key    string
	family *frame.Family
}

// The names, types and labels of rsyslog_exporter (queues.go, actions.go).
var (
	queueNumbers = []number{
		{"size", queueFamily("size", frame.Gauge, "Messages in the queue.")},
		{"enqueued", queueFamily("enqueued", frame.Counter, "Messages that have come into the queue.")},
		{"full", queueFamily("full", frame.Counter, "How often the queue was full.")},
		{"discarded.full", queueFamily("discarded_full", frame.Counter, "Messages thrown away because the queue was full.")},
		{"discarded.nf", queueFamily("discarded_not_full", frame.Counter, "Messages thrown away before the queue was full: it leaves out what is less important.")},
		{"maxqsize", queueFamily("max_size", frame.Gauge, "The most messages that were ever in the queue.")},
	}
	actionNumbers = []number{
		{"processed", actionFamily("processed", "Messages that the action has taken.")},
		{"failed", actionFamily("failed", "Messages that the action has failed on.")},
		{"suspended", actionFamily("suspended", "How often the action was suspended, because its target did not answer.")},
		{"suspended.duration", actionFamily("suspended_duration", "How long the action was suspended, in seconds.")},
		{"resumed", actionFamily("resumed", "How often the action went on.")},
	}
)

func queueFamily(name string, kind frame.Type, help string) *frame.Family {
	return &frame.Family{Name: "rsyslog_queue_" + name, Type: kind, Labels: []string{"queue"}, Help: help}
}

func actionFamily(name, help string) *frame.Family {
	return &frame.Family{Name: "rsyslog_action_" + name, Type: frame.Counter, Labels: []string{"action"}, Help: help}
}

func statsFamilies() []*frame.Family {
	var all []*frame.Family
	for _, n := range slices.Concat(queueNumbers, actionNumbers) {
		all = append(all, n.family)
	}
	return all
}

// sendStats sends the newest numbers of each queue and action that rsyslog has
// written to the file. Without new ones for a while there are none.
func sendStats(s *frame.Sink, path string, now time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", path)
	case now.Sub(info.ModTime()) > statsPatience:
		return fmt.Errorf("%s: %w", path, errOldStats)
	}
	start := max(0, info.Size()-statsTail)
	tail, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, start, statsTail), statsTail))
	if err != nil {
		return err
	}
	if start > 0 {
		_, tail, _ = bytes.Cut(tail, []byte("\n"))
	}
	queues, actions, err := parseStats(tail)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(send(s, queueNumbers, queues), send(s, actionNumbers, actions))
}

type values map[string]float64

// parseStats reads lines of a date and an object of JSON; the last line of
// each name counts. The file's last line may just be being written.
func parseStats(text []byte) (queues, actions map[string]values, err error) {
	queues, actions = map[string]values{}, map[string]values{}
	understood := false
	for line := range bytes.Lines(text) {
		open := bytes.IndexByte(line, '{')
		if open < 0 || line[len(line)-1] != '\n' {
			continue
		}
		var raw map[string]any
		if json.Unmarshal(line[open:], &raw) != nil {
			continue
		}
		understood = true
		name, _ := raw["name"].(string)
		numbers := values{}
		for key, v := range raw {
			if n, ok := v.(float64); ok && n >= 0 {
				numbers[key] = n
			}
		}
		switch raw["origin"] {
		case "core.queue":
			queues[clean(name)] = numbers
		case "core.action":
			actions[clean(name)] = numbers
		}
	}
	if !understood && len(bytes.TrimSpace(text)) > 0 {
		return nil, nil, errors.New("no line is as impstats writes them in JSON")
	}
	return queues, actions, nil
}

func send(s *frame.Sink, numbers []number, all map[string]values) error {
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names[:min(len(names), maxStats)] {
		for _, n := range numbers {
			if v, ok := all[name][n.key]; ok {
				s.Send(n.family, v, name)
			}
		}
	}
	if len(names) > maxStats {
		return fmt.Errorf("%d queues or actions; %d are told", len(names), maxStats)
	}
	return nil
}
