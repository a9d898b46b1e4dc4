package backups

import (
	"errors"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/exporters/host/backups/ladder"
	"tocsin/internal/size"
)

// List is the section backups of the site file.
type List []Backup

// Backup is one thing that is backed up again and again, and what is promised
// of it.
type Backup struct {
	// Name is what the backup is called, in labels and messages.
	Name   string `yaml:"name"`
	Source `yaml:",inline"`
	// MaxAge is how old the newest backup may be; where full ones are told
	// apart, the newest full one. A nightly job that takes a while needs 26h.
	MaxAge model.Duration `yaml:"max_age"`
	// IncrementalMaxAge is how old the newest backup of either kind may be,
	// where full ones are told apart.
	IncrementalMaxAge model.Duration `yaml:"incremental_max_age,omitempty"`
	// Keep is how many backups of each kind are promised. Which of them are
	// missing is told.
	Keep ladder.Promise `yaml:"keep,omitempty"`
	// Since is the day, as 2026-01-31, since which backups are kept; what was
	// promised for before is not missed. Left out, it is the day of the oldest
	// that exists, so that a loss of the oldest is not noticed.
	Since string `yaml:"since,omitempty"`
	// DeleteAfter is after what time a backup is deleted, as was promised to
	// those whose data is in it. What is kept longer is told.
	DeleteAfter model.Duration `yaml:"delete_after,omitempty"`
	// Copies are the other places where the same backup lies.
	Copies []Copy `yaml:"copies,omitempty"`
	// RestoreTested is how it is known that a restore was tried.
	RestoreTested RestoreTest `yaml:"restore_tested,omitempty"`
	// Covers is what this backup saves: postgres/main for a server with all of
	// its databases, postgres/main/demarches for one of them, rabbitmq/bus,
	// brick/wiki, host/app1 for a machine with the bricks on it, folder:/srv/data
	// for a folder of this machine. Of another machine's server the instance is
	// written: postgres/db1:main.
	Covers []string `yaml:"covers,omitempty"`
}

// Copy is a further place where the same backup lies.
type Copy struct {
	Source `yaml:",inline"`
	// MaxAge is how old the newest backup there may be; a day more than the
	// first may be if left out.
	MaxAge model.Duration `yaml:"max_age,omitempty"`
}

// Source is where backups lie, and what kind of place it is. One of Files,
// Full, Restic, Borg, Snapshots and Stamp says that.
type Source struct {
	// Place is what the place is called, in labels and messages.
	Place string `yaml:"place,omitempty"`
	// OffSite is true where the place is away from the site: what burns, floods
	// or is stolen here does not take it along.
	OffSite bool `yaml:"off_site,omitempty"`
	// Files are the backups themselves: full paths, with * for any letters and
	// ** for any folders. Names that begin with a dot or end with .tmp, .part or
	// .partial are not finished and do not count. One series of backups an entry:
	// dumps of two databases are two entries.
	Files Paths `yaml:"files,omitempty"`
	// Full are the full backups, likewise, where they are told apart from those
	// under Incremental.
	Full Paths `yaml:"full,omitempty"`
	// Incremental are the backups that need a full one to be restored.
	Incremental Paths `yaml:"incremental,omitempty"`
	// MinSize is the least that a backup among Files or Full can have; a smaller
	// one is not whole.
	MinSize size.Bytes `yaml:"min_size,omitempty"`
	// LookInside, on unless set to false, reads the first and last bytes of the
	// newest backup among Files, Full or Incremental, and all of a small gzip
	// file: whether it is cut off. Without it tocsin needs to see the folder only.
	LookInside *bool `yaml:"look_inside,omitempty"`
	// Restic is the folder of a restic repository. Its snapshots of all hosts
	// and paths are one series: which is which cannot be read without the
	// password.
	Restic string `yaml:"restic,omitempty"`
	// Borg is the folder of a repository of borg 1. How many archives there are
	// cannot be read without the key, and the newest is known for certain only as
	// long as Tocsin goes on: right after its start it may seem to be as new as
	// the last "borg compact". A stamp is surer.
	Borg string `yaml:"borg,omitempty"`
	// Snapshots is the mount point of a ZFS file system; its snapshots are told by
	// the dates in their names.
	Snapshots string `yaml:"zfs,omitempty"`
	// Prefix is how the names of the ZFS snapshots begin that are meant.
	Prefix string `yaml:"prefix,omitempty"`
	// InUTC is true where the names of the ZFS snapshots tell the time in UTC, as
	// those of zrepl do, and not in the site's time zone.
	InUTC bool `yaml:"utc,omitempty"`
	// Stamp is a file that is written when a backup has succeeded: empty, it was
	// at its modification time; otherwise at the time that it has in it, as
	// "date -Is" or "date +%s" print it.
	Stamp string `yaml:"stamp,omitempty"`
}

// RestoreTest is how it is known that a restore was tried.
type RestoreTest struct {
	// Stamp is a file that is written when a restore has succeeded: empty, or
	// with the time in it, as "date -Is" or "date +%s" print it.
	Stamp string `yaml:"stamp"`
	// MaxAge is how long ago that may be; 90d if left out.
	MaxAge model.Duration `yaml:"max_age,omitempty"`
}

// Paths are patterns of paths. In the file a single one stands alone.
type Paths []string

// Shape lets a single pattern stand alone.
func (p *Paths) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		*p = Paths{scalar}
		return nil, nil
	case yaml.SequenceNode:
		return (*[]string)(p), nil
	}
	return nil, errors.New("must be a path, or a list of paths")
}

// Defaults of what the site file leaves out.
const (
	defaultPlace      = "local"
	defaultRestoreAge = model.Duration(90 * 24 * time.Hour)
	copyLag           = model.Duration(24 * time.Hour)
)

// SetDefaults fills what the site file left out.
func (l List) SetDefaults() {
	for i := range l {
		l[i].SetDefaults()
	}
}

// SetDefaults fills what the site file left out.
func (b *Backup) SetDefaults() {
	if b.Place == "" {
		b.Place = defaultPlace
	}
	for i := range b.Copies {
		if c := &b.Copies[i]; c.MaxAge == 0 {
			c.MaxAge = b.newestMaxAge() + copyLag
		}
	}
	if r := &b.RestoreTested; r.Stamp != "" && r.MaxAge == 0 {
		r.MaxAge = defaultRestoreAge
	}
}

// newestMaxAge is how old the newest backup may be, full or not.
func (b *Backup) newestMaxAge() model.Duration {
	if b.IncrementalMaxAge > 0 {
		return b.IncrementalMaxAge
	}
	return b.MaxAge
}
