// Package textfile passes on the metrics that scripts of the machine write
// into files, as node_exporter's collector of that name: node_textfile_* and
// whatever the files say.
//
// A file that is wrong is left out whole, and said by its name and line; the
// others, and the page, stay. It is not for files that another machine or an
// untrusted user can write: what they say is believed.
package textfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
)

// Bounds of what is read at a scrape.
const (
	maxBytes  = 4 << 20 // of one file
	maxFiles  = 500
	maxLabels = 256    // of one line
	maxSeries = 50_000 // of all files
)

var (
	mtimeFamily = &frame.Family{
		Name: "node_textfile_mtime_seconds", Labels: []string{"file"},
		Help: "When the file was last written, in seconds since 1970; absent where it could not be read.",
	}
	errorFamily = &frame.Family{
		Name: "node_textfile_scrape_error",
		Help: "Whether a folder or a file could not be read; tocsin_host_textfile_success says which.",
	}
	successFamily = &frame.Family{
		Name: "tocsin_host_textfile_success", Labels: []string{"file"},
		Help: "Whether the file, or the folder of files, could be read and passed on.",
	}
	leftOutFamily = &frame.Family{
		Name: "tocsin_host_textfile_families_left_out", Labels: []string{"file"},
		Help: "Metrics of the file that are not passed on because Tocsin measures them itself.",
	}
	anyFamily = &frame.Family{Name: frame.AnyName, Help: "Whatever the files say."}
)

// Debian is the folder of Debian's node_exporter and its scripts. It is read
// where no other is named, and need not be there.
const Debian = "/var/lib/prometheus/node-exporter"

// Collector is the collector textfile. It implements frame.Collector and
// frame.Explainer: a bad file is a finding, not a failure of the collector.
type Collector struct {
	places   []string
	optional bool // they need not be there
	taken    func(metric string) bool

	known map[string]*file // what was good before, by path; Collect's own

	mu      sync.Mutex // guards explain
	explain string
}

// New makes it. Places are folders, or patterns of folders in the sense of
// filepath.Match; their files end in .prom. Without places it reads Debian's
// below root. Taken tells whether another
// collector of the same page sends a metric: then the files' is left out.
func New(root string, places []string, taken func(metric string) bool) *Collector {
	if len(places) == 0 {
		debian := filepath.Join(root, Debian)
		return &Collector{places: []string{debian}, optional: true, taken: taken, known: map[string]*file{}}
	}
	return &Collector{places: places, taken: taken, known: map[string]*file{}}
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "textfile" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family {
	return []*frame.Family{mtimeFamily, errorFamily, successFamily, leftOutFamily, anyFamily}
}

// Explain implements frame.Explainer.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	p := &pass{families: map[string]*origin{}, bad: map[string]error{}}
	for _, file := range c.files(p) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.add(file, c.known[file], c.taken)
	}
	p.send(s)
	clear(c.known)
	for _, f := range p.good {
		c.known[f.path] = f
	}
	c.mu.Lock()
	c.explain = p.words()
	c.mu.Unlock()
	return nil
}

// files lists what is to be read, sorted. A folder that cannot be read is bad.
func (c *Collector) files(p *pass) []string {
	var files []string
	for _, place := range c.places {
		folders, err := filepath.Glob(place)
		if err != nil || len(folders) == 0 {
			folders = []string{place} // whose absence is told
		}
		for _, folder := range folders {
			entries, err := os.ReadDir(folder)
			if c.optional && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				p.bad[folder] = err
				continue
			}
			for _, e := range entries {
				if strings.HasSuffix(e.Name(), ".prom") {
					files = append(files, filepath.Join(folder, e.Name()))
				}
			}
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	for _, file := range files[min(len(files), maxFiles):] {
		p.bad[file] = fmt.Errorf("is left out: there are more than %d files", maxFiles)
	}
	return files[:min(len(files), maxFiles)]
}

// pass is one reading of all files.
type pass struct {
	good     []*file
	families map[string]*origin
	series   int
	bad      map[string]error // by file or folder
}

// origin is where a family was met first, with its series.
type origin struct {
	family *dto.MetricFamily
	place  string // file:line
	seen   map[string]bool
}

// add reads one file and takes it over, whole or not at all.
func (p *pass) add(path string, old *file, taken func(string) bool) {
	f, err := read(path, old)
	if errors.Is(err, fs.ErrNotExist) && !dangling(path) {
		return // it was replaced just now
	}
	if err == nil {
		if f != old {
			f.leaveOut(taken)
		}
		err = p.fits(f)
	}
	if err != nil {
		p.bad[path] = err
		return
	}
	p.good = append(p.good, f)
	for _, mf := range f.families {
		have := p.families[mf.GetName()]
		if have == nil {
			have = &origin{family: &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type}, place: f.place(mf.GetName()), seen: map[string]bool{}}
			p.families[mf.GetName()] = have
		}
		for _, m := range mf.Metric {
			have.seen[signature(m)] = true
		}
		have.family.Metric = append(have.family.Metric, mf.Metric...)
		p.series += len(mf.Metric)
	}
}

// dangling tells whether a link leads nowhere.
func dangling(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// fits tells why a file cannot be taken beside those before it.
func (p *pass) fits(f *file) error {
	n := 0
	for _, mf := range f.families {
		n += len(mf.Metric)
		have := p.families[mf.GetName()]
		if have == nil {
			continue
		}
		line := f.lines[mf.GetName()]
		switch {
		case have.family.GetType() != mf.GetType():
			return fmt.Errorf("line %d: %s is of another type than in %s", line, mf.GetName(), have.place)
		case mf.Help != nil && have.family.Help != nil && mf.GetHelp() != have.family.GetHelp():
			return fmt.Errorf("line %d: %s has another help text than in %s", line, mf.GetName(), have.place)
		}
		for _, m := range mf.Metric {
			if have.seen[signature(m)] {
				return fmt.Errorf("line %d: a series of %s stands in %s too", line, mf.GetName(), have.place)
			}
		}
	}
	if p.series+n > maxSeries {
		return fmt.Errorf("is left out: with its %d series there are more than %d", n, maxSeries)
	}
	return nil
}

func (p *pass) send(s *frame.Sink) {
	for _, f := range p.good {
		path := strings.ToValidUTF8(f.path, "\uFFFD")
		s.Send(mtimeFamily, float64(f.modified.UnixMilli())/1000, path)
		s.Send(successFamily, 1, path)
		if f.leftOut > 0 {
			s.Send(leftOutFamily, float64(f.leftOut), path)
		}
	}
	for path := range p.bad {
		s.Send(successFamily, 0, strings.ToValidUTF8(path, "\uFFFD"))
	}
	failed := 0.0
	if len(p.bad) > 0 {
		failed = 1
	}
	s.Send(errorFamily, failed)
	for _, o := range p.families {
		if o.family.Help == nil {
			help := "Metric read from " + o.place[:strings.LastIndexByte(o.place, ':')]
			o.family.Help = &help
		}
		s.Pass(o.family)
	}
}

// words says what is wrong, a line a file.
func (p *pass) words() string {
	var lines []string
	for path, err := range p.bad {
		if inner, ok := errors.AsType[*fs.PathError](err); ok { // which names the path itself
			err = inner.Err
		}
		lines = append(lines, path+": "+err.Error())
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), 10)], "\n")
}
