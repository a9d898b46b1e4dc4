package updatewatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tocsin/updatewatch/forge"
)

const (
	schema   = 1        // the form of the state file
	maxState = 64 << 20 // bytes; 5,000 projects have about 8 MB
	maxKnown = 200      // versions of one project
)

// state is all that is known, and what is still to be said. The file is
// written before anything is said.
type state struct {
	Schema   int                 `json:"schema"`
	Projects map[string]*known   `json:"projects"`
	Outbox   map[string]*pending `json:"outbox,omitempty"`   // by group
	Baseline []string            `json:"baseline,omitempty"` // projects that the next summary is to name
	Reminded time.Time           `json:"reminded,omitzero"`
}

// known is what is known of one project.
type known struct {
	Source     string           `json:"source"` // address and pattern: others make it another project
	Validators forge.Validators `json:"validators"`
	MovedTo    string           `json:"moved_to,omitempty"`
	LastCheck  time.Time        `json:"last_check,omitzero"`
	LastOK     time.Time        `json:"last_ok,omitzero"`
	NextCheck  time.Time        `json:"next_check,omitzero"`
	Took       float64          `json:"took_seconds,omitempty"`
	Fails      int              `json:"fails,omitempty"` // in a row
	Reason     forge.Reason     `json:"reason,omitempty"`
	Error      string           `json:"error,omitempty"`
	Rejected   int              `json:"rejected,omitempty"` // tags of the newest answer that are no releases of it
	Overrun    bool             `json:"overrun,omitempty"`  // everything in the newest answer was new: some may be missing
	Since      time.Time        `json:"since,omitzero"`     // when the baseline was taken; zero: not yet
	Versions   []release        `json:"versions,omitempty"` // newest first

	Runs map[string]running `json:"runs,omitempty"` // what is deployed, by who tells it

	Open   bool      `json:"open,omitempty"` // its message says that an update waits
	Opened time.Time `json:"opened,omitzero"`
	Said   string    `json:"said,omitempty"` // digest of what its message says
}

// running is what one deployment said of itself last.
type running struct {
	Version string `json:"version,omitempty"` // in its own words
	Error   string `json:"error,omitempty"`   // why it was not heard anew; in ours
}

// release is one version that was seen.
type release struct {
	Version    string    `json:"version"`
	URL        string    `json:"url,omitempty"`
	Seen       time.Time `json:"seen"`
	Published  time.Time `json:"published,omitzero"`
	Pre        bool      `json:"pre,omitempty"`
	Security   bool      `json:"security,omitempty"`
	Advisories []string  `json:"advisories,omitempty"`
	News       bool      `json:"news,omitempty"`  // it came after the baseline, above its line's newest
	First      bool      `json:"first,omitempty"` // and it was the first of a line above all others
}

// at is when a release came out, as far as is known.
func (r *release) at() time.Time {
	if !r.Published.IsZero() && r.Published.Before(r.Seen) {
		return r.Published
	}
	return r.Seen
}

// pending is a message that is still to be said.
type pending struct {
	Announcement Announcement `json:"announcement"`
	Tries        int          `json:"tries,omitempty"`
	Next         time.Time    `json:"next,omitzero"`
}

func emptyState() *state {
	return &state{Schema: schema, Projects: map[string]*known{}, Outbox: map[string]*pending{}}
}

// read reads the state file. Without one, all is new: that is the first run.
// A file that cannot be used is an error: to begin anew would make everything
// that waits a part of the silent baseline.
func read(path string) (*state, error) {
	s := emptyState()
	if path == "" {
		return s, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of updates: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("read the state of updates: %w", err)
	}
	var wrong string
	switch err := json.Unmarshal(text, s); {
	case len(text) > maxState:
		wrong = "it is too large"
	case err != nil:
		wrong = "it is not whole: " + err.Error()
	case s.Schema != schema:
		wrong = fmt.Sprintf("it has schema %d, this program writes %d", s.Schema, schema)
	case s.invalid():
		wrong = "it has entries without content"
	}
	if wrong != "" {
		return nil, fmt.Errorf("%s cannot be used: %s. Nothing is followed until you decide: put the copy of the last start "+
			"in its place (mv %s.1 %s), which may repeat a message; or take the file away (rm %s), and all that is released "+
			"by now counts as known: one summary tells what waits, and no message for each", path, wrong, path, path, path)
	}
	if s.Projects == nil {
		s.Projects = map[string]*known{}
	}
	if s.Outbox == nil {
		s.Outbox = map[string]*pending{}
	}
	return s, nil
}

func (s *state) invalid() bool {
	for _, k := range s.Projects {
		if k == nil {
			return true
		}
	}
	for _, p := range s.Outbox {
		if p == nil {
			return true
		}
	}
	return false
}

// write replaces the file in one step: it is the old or the new one, whenever
// the power goes.
func write(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the state of updates: %w", err)
	}
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the state of updates: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return fmt.Errorf("write the state of updates: %w", err)
	}
	return nil
}

// syncFolder makes the new name last: without it the rename may be undone by
// a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keepCopy keeps the file as it was at the start.
func keepCopy(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return write(path+".1", text)
}
