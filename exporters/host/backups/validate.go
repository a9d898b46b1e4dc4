package backups

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/exporters/host/backups/ladder"
	"tocsin/internal/lazy"
	"tocsin/internal/problem"
)

// How much a site file may ask for: each place is a handful of series and is
// looked at side by side with the others.
const (
	maxBackups = 200
	maxCopies  = 9
	maxPaths   = 50
	maxRungs   = 1000
	maxCovers  = 1000
)

// slug is what a name may be: it stands in labels and messages.
var slug = lazy.Regexp(`^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$`)

// Validate adds what is wrong. It touches nothing outside.
func (l List) Validate(p problem.List) {
	if len(l) > maxBackups {
		p.Addf("%d backups are more than are looked at; write at most %d", len(l), maxBackups)
	}
	first := map[string]int{}
	for i := range l {
		at, b := p.Index(i), &l[i]
		validateSlug(at.At("name"), b.Name, "dumps")
		if j, ok := first[b.Name]; ok && b.Name != "" {
			at.At("name").Addf("%q is taken by backups[%d] already; choose another, or make this one of its copies", b.Name, j)
		}
		first[b.Name] = i
		b.validate(at)
	}
}

func validateSlug(p problem.List, name, example string) {
	switch {
	case name == "":
		p.Addf("is missing; write a short name, as %s", example)
	case !slug().MatchString(name):
		p.Addf("is no name; use small letters, digits, - and _, at most 64, as %s", example)
	}
}

func (b *Backup) validate(p problem.List) {
	b.Source.validate(p)
	age(p.At("max_age"), b.MaxAge, "26h for one a day")
	switch apart := len(b.Full) > 0; {
	case apart && len(b.Incremental) > 0:
		age(p.At("incremental_max_age"), b.IncrementalMaxAge, "26h for one a day")
	case b.IncrementalMaxAge != 0:
		p.At("incremental_max_age").Addf("nothing is told apart here; write full and incremental in place of files, or take this away")
	}
	validateLadder(p.At("keep"), b.Keep)
	if only := b.newestOnly(); only != "" {
		if !b.Keep.IsZero() {
			p.At("keep").Addf("of %s only the newest backup is known, so that no other can be missed; take this away", only)
		}
		if b.DeleteAfter != 0 {
			p.At("delete_after").Addf("of %s only the newest backup is known, so that none is seen to be too old; take this away", only)
		}
	}
	if _, err := time.Parse(time.DateOnly, b.Since); b.Since != "" && err != nil {
		p.At("since").Addf("is no day; write the day of the first backup, as 2026-01-31")
	}
	if b.DeleteAfter != 0 && b.DeleteAfter <= b.MaxAge {
		p.At("delete_after").Addf("%s is not longer than max_age, %s, so that no backup could be right; write how long the oldest is kept, as 400d", b.DeleteAfter, b.MaxAge)
	}
	b.validateCopies(p.At("copies"))
	b.RestoreTested.validate(p.At("restore_tested"))
	if len(b.Covers) > maxCovers {
		p.At("covers").Addf("names more than %d; name the server or the host in place of its parts", maxCovers)
	}
	for i, what := range b.Covers {
		if !Coverable(what) {
			p.At("covers").Index(i).Addf("is nothing that a backup can cover; write postgres/main, postgres/main/demarches, rabbitmq/bus, brick/wiki, host/app1.ville.example or folder:/srv/data")
		}
	}
}

// newestOnly says what a source is called of which nothing but the newest
// backup is known.
func (s *Source) newestOnly() string {
	switch {
	case s.Borg != "":
		return "a borg repository"
	case s.Stamp != "":
		return "a stamp"
	}
	return ""
}

func age(p problem.List, d model.Duration, example string) {
	switch {
	case d == 0:
		p.Addf("is missing; write how old the newest may be, as %s", example)
	case time.Duration(d) < 10*time.Minute:
		p.Addf("%s is less than can be told, since backups are looked at every %s; write at least 10m", d, Interval)
	}
}

func validateLadder(p problem.List, k ladder.Promise) {
	for _, r := range []struct {
		key   string
		count int
	}{{"hourly", k.Hourly}, {"daily", k.Daily}, {"weekly", k.Weekly}, {"monthly", k.Monthly}, {"yearly", k.Yearly}} {
		if r.count < 0 || r.count > maxRungs {
			p.At(r.key).Addf("%d is not between 0 and %d; write how many of them are kept", r.count, maxRungs)
		}
	}
}

func (b *Backup) validateCopies(p problem.List) {
	if len(b.Copies) > maxCopies {
		p.Addf("%d copies are more than are looked at; write at most %d", len(b.Copies), maxCopies)
	}
	places := map[string]bool{b.Place: true}
	for i := range b.Copies {
		at, c := p.Index(i), &b.Copies[i]
		if c.Place == "" {
			at.At("place").Addf("is missing; write where this copy lies, as nas")
		}
		c.Source.validate(at)
		age(at.At("max_age"), c.MaxAge, "50h")
		if places[c.Place] && c.Place != "" {
			at.At("place").Addf("%q is the place of another copy already; each has a name of its own", c.Place)
		}
		places[c.Place] = true
	}
}

// validate wants one kind of place, and the keys that belong to it.
func (s *Source) validate(p problem.List) {
	if s.Place != "" && !slug().MatchString(s.Place) {
		p.At("place").Addf("is no name; use small letters, digits, - and _, at most 64, as nas")
	}
	var kinds []string
	for _, k := range []struct {
		key string
		is  bool
	}{{"files", len(s.Files) > 0}, {"full", len(s.Full) > 0}, {"restic", s.Restic != ""}, {"borg", s.Borg != ""}, {"zfs", s.Snapshots != ""}, {"stamp", s.Stamp != ""}} {
		if k.is {
			kinds = append(kinds, k.key)
		}
	}
	switch len(kinds) {
	case 1:
	case 0:
		p.Addf("does not say where to look; write one of files, full with incremental, restic, borg, zfs or stamp")
	default:
		p.At(kinds[1]).Addf("%s says already where to look; write each place as an entry of its own, or as one of copies", kinds[0])
	}
	if len(s.Incremental) > 0 && len(s.Full) == 0 {
		p.At("incremental").Addf("needs the full backups that it builds on; write full too, or files in place of both")
	}
	if s.MinSize != 0 && len(s.Files)+len(s.Full) == 0 {
		p.At("min_size").Addf("is known of files only; take it away")
	}
	if s.LookInside != nil && len(s.Files)+len(s.Full) == 0 {
		p.At("look_inside").Addf("is done with files only; take it away")
	}
	if (s.Prefix != "" || s.InUTC) && s.Snapshots == "" {
		p.At("prefix").Addf("belongs to the snapshots of zfs; take it away")
	}
	patterns(p.At("files"), s.Files)
	patterns(p.At("full"), s.Full)
	patterns(p.At("incremental"), s.Incremental)
	absolute(p.At("restic"), s.Restic, "/srv/backup/restic")
	absolute(p.At("borg"), s.Borg, "/srv/backup/borg")
	absolute(p.At("zfs"), s.Snapshots, "/srv/data")
	absolute(p.At("stamp"), s.Stamp, "/var/lib/backup/last-success")
}

func (r *RestoreTest) validate(p problem.List) {
	if r.Stamp == "" {
		if r.MaxAge != 0 {
			p.At("stamp").Addf("is missing; write the file that is touched when a restore has succeeded, as /var/lib/backup/restore-tested")
		}
		return
	}
	absolute(p.At("stamp"), r.Stamp, "/var/lib/backup/restore-tested")
	age(p.At("max_age"), r.MaxAge, "90d")
}

func patterns(p problem.List, paths Paths) {
	if len(paths) > maxPaths {
		p.Addf("%d patterns are more than are looked at; write at most %d, with * in them", len(paths), maxPaths)
	}
	for i, pattern := range paths {
		at := p.Index(i)
		absolute(at, pattern, "/srv/backup/*.dump")
		if pattern == "" {
			at.Addf("is empty; write a path, as /srv/backup/*.dump")
		}
		deep := 0
		for part := range strings.SplitSeq(pattern, "/") {
			if _, err := filepath.Match(part, ""); err != nil {
				at.Addf("has a [ without its ]; write \\[ where the letter itself is meant")
				break
			}
			if part == anyFolders {
				deep++
			} else if strings.Contains(part, anyFolders) {
				at.Addf("has ** beside other letters; it stands alone between two slashes, as /srv/backup/**/*.dump")
			}
		}
		if deep > 1 {
			at.Addf("has ** twice; once is enough, it stands for any number of folders")
		}
		if strings.HasSuffix(pattern, "/"+anyFolders) {
			at.Addf("ends with **, which stands for folders; write the files too, as /srv/backup/**/*")
		}
	}
}

func absolute(p problem.List, path, example string) {
	if path != "" && !filepath.IsAbs(path) {
		text := "this"
		if len(path) <= 64 && !strings.ContainsAny(path, "@:\n") {
			text = strconv.Quote(path)
		}
		p.Addf("%s is no full path on this machine; write one that begins with /, as %s. What lies elsewhere is looked at by the Tocsin there, or where it is mounted", text, example)
	}
}

// coverable are the forms of what a backup can cover.
var coverable = lazy.Regexp(`^(postgres/[A-Za-z0-9._:-]+(/[^/\s]+)?|rabbitmq/[A-Za-z0-9._:-]+|brick/[a-z0-9._-]+|host/[A-Za-z0-9._:-]+|folder:/\S*)$`)

// Coverable tells whether a text names what a backup can cover.
func Coverable(what string) bool { return len(what) <= 256 && coverable().MatchString(what) }
