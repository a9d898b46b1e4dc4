package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// file is one that could be read.
type file struct {
	path     string
	modified time.Time
	size     int64
	families []*dto.MetricFamily // sorted by name
	lines    map[string]int      // where each is first spoken of
	leftOut  int                 // families that another collector sends
}

// read reads a file and holds it to what a page may say; old is what it was
// before, or nil, and serves where it has not changed. A pipe with nobody at
// its other end does not hold it up.
func read(path string, old *file) (*file, error) {
	opened, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	info, err := opened.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	case old != nil && old.modified.Equal(info.ModTime()) && old.size == info.Size():
		return old, nil
	}
	content, err := io.ReadAll(io.LimitReader(opened, maxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxBytes:
		return nil, fmt.Errorf("is longer than %d MiB", maxBytes>>20)
	}
	f := &file{path: path, modified: info.ModTime(), size: info.Size(), lines: map[string]int{}}
	return f, f.parse(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
}

func (f *file) parse(content []byte) error {
	if content = bytes.TrimRight(content, " \t\n"); len(content) == 0 {
		return nil // a script that has nothing to say
	}
	content = append(content, '\n')
	n := 0
	for line := range bytes.Lines(content) { // the parser takes a line with many labels apart again and again
		if n++; bytes.Count(line, []byte("=")) > maxLabels {
			return fmt.Errorf("line %d: it has more than %d labels", n, maxLabels)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(content))
	var wrong expfmt.ParseError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("line %d: %.120s", wrong.Line, wrong.Msg)
	case err != nil:
		return fmt.Errorf("%.120s", err.Error())
	}
	f.number(content, parsed)
	for _, mf := range parsed {
		if err := f.sound(mf); err != nil {
			return err
		}
		f.families = append(f.families, mf)
	}
	slices.SortFunc(f.families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return nil
}

// sound looks for what the parser lets pass. A file is measured when it is
// read, so its series have no times of their own.
func (f *file) sound(mf *dto.MetricFamily) error {
	if !model.LegacyValidation.IsValidMetricName(mf.GetName()) {
		return fmt.Errorf("%.60q is no name of a metric", mf.GetName())
	}
	seen := map[string]bool{}
	for _, m := range mf.Metric {
		if m.TimestampMs != nil {
			return fmt.Errorf("line %d: %s has a timestamp; leave it out, the time of the file is node_textfile_mtime_seconds", f.lines[mf.GetName()], mf.GetName())
		}
		for _, l := range m.Label {
			if l.GetName() == "job" || l.GetName() == "instance" {
				return fmt.Errorf("line %d: %s has the label %s, which the scraper puts on", f.lines[mf.GetName()], mf.GetName(), l.GetName())
			}
		}
		key := signature(m)
		if seen[key] {
			return fmt.Errorf("line %d: %s has the same series twice", f.lines[mf.GetName()], mf.GetName())
		}
		seen[key] = true
	}
	return nil
}

// leaveOut drops the families that others send.
func (f *file) leaveOut(taken func(string) bool) {
	f.families = slices.DeleteFunc(f.families, func(mf *dto.MetricFamily) bool {
		out := taken(mf.GetName()) || strings.HasPrefix(mf.GetName(), "tocsin_")
		if out {
			f.leftOut++
		}
		return out
	})
}

// number notes where each family is first spoken of.
func (f *file) number(content []byte, families map[string]*dto.MetricFamily) {
	n := 0
	for line := range bytes.Lines(content) {
		n++
		name := strings.TrimLeft(string(line), " \t")
		if fields := strings.Fields(name); len(fields) > 2 && fields[0] == "#" { // HELP or TYPE
			name = fields[2]
		}
		if end := strings.IndexFunc(name, notInName); end >= 0 {
			name = name[:end]
		}
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} { // of histograms and summaries
			base := strings.TrimSuffix(name, suffix)
			if families[base] != nil && f.lines[base] == 0 {
				f.lines[base] = n
			}
		}
	}
}

// notInName tells what cannot be in a metric's name.
func notInName(r rune) bool {
	return r != '_' && r != ':' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func (f *file) place(metric string) string { return f.path + ":" + strconv.Itoa(f.lines[metric]) }

// signature is a series' labels, whatever their order.
func signature(m *dto.Metric) string {
	pairs := make([]string, len(m.Label))
	for i, l := range m.Label {
		pairs[i] = l.GetName() + "\xff" + l.GetValue()
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "\xfe")
}
