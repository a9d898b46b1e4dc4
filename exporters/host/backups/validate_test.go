package backups

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// read decodes a section as the site file's is, and returns what is wrong.
func read(t *testing.T, text string) []string {
	t.Helper()
	var site struct {
		Backups List `yaml:"backups"`
	}
	_, faults := strict.Decode([]byte("backups: "+text), &site)
	var out []string
	for _, f := range faults {
		out = append(out, f.Path+": "+f.Text)
	}
	site.Backups.SetDefaults()
	p := problem.New()
	site.Backups.Validate(p.At("backups"))
	for _, found := range p.All() {
		out = append(out, found.Path+": "+found.Text)
	}
	return out
}

func TestValidate(t *testing.T) {
	for text, want := range map[string][]string{
		`[{name: a, files: /srv/*, max_age: 26h}]`:                                      nil,
		`[{name: a, files: [/srv/*, /b], max_age: 26h}]`:                                nil,
		`[{name: a, borg: /srv/b, max_age: 26h, copies: [{place: b, restic: /mnt/c}]}]`: nil,
		`[{}]`: {
			"backups[0].name: is missing; write a short name, as dumps",
			"backups[0]: does not say where to look; write one of files, full with incremental, restic, borg, zfs or stamp",
			"backups[0].max_age: is missing; write how old the newest may be, as 26h for one a day",
		},
		`[{name: A b, stamp: /s, max_age: 1m}]`: {
			"backups[0].name: is no name; use small letters, digits, - and _, at most 64, as dumps",
			"backups[0].max_age: 1m is less than can be told, since backups are looked at every 5m0s; write at least 10m",
		},
		`[{name: a, stamp: /s, max_age: 1d}, {name: a, stamp: /s, max_age: 1d}]`: {
			`backups[1].name: "a" is taken by backups[0] already; choose another, or make this one of its copies`,
		},
		`[{name: a, stamp: /s, borg: /b, max_age: 1d}]`: {
			"backups[0].stamp: borg says already where to look; write each place as an entry of its own, or as one of copies",
		},
		`[{name: a, borg: /b, max_age: 1d, keep: {daily: 7}, delete_after: 9d, min_size: 1MB, look_inside: false, prefix: x}]`: {
			"backups[0].min_size: is known of files only; take it away",
			"backups[0].look_inside: is done with files only; take it away",
			"backups[0].prefix: belongs to the snapshots of zfs; take it away",
			"backups[0].keep: of a borg repository only the newest backup is known, so that no other can be missed; take this away",
			"backups[0].delete_after: of a borg repository only the newest backup is known, so that none is seen to be too old; take this away",
		},
		`[{name: a, files: [dumps/*, "user:secret@host:/x"], max_age: 1d}]`: {
			`backups[0].files[0]: "dumps/*" is no full path on this machine; write one that begins with /, as /srv/backup/*.dump. What lies elsewhere is looked at by the Tocsin there, or where it is mounted`,
			`backups[0].files[1]: this is no full path on this machine; write one that begins with /, as /srv/backup/*.dump. What lies elsewhere is looked at by the Tocsin there, or where it is mounted`,
		},
		`[{name: a, files: ["/a/[x", /a/**/b/**/c, /a/b**/c, /a/**, ""], max_age: 1d}]`: {
			`backups[0].files[0]: has a [ without its ]; write \[ where the letter itself is meant`,
			"backups[0].files[1]: has ** twice; once is enough, it stands for any number of folders",
			"backups[0].files[2]: has ** beside other letters; it stands alone between two slashes, as /srv/backup/**/*.dump",
			"backups[0].files[3]: ends with **, which stands for folders; write the files too, as /srv/backup/**/*",
			"backups[0].files[4]: is empty; write a path, as /srv/backup/*.dump",
		},
		`[{name: a, full: /f, incremental: /i, max_age: 8d}]`: {
			"backups[0].incremental_max_age: is missing; write how old the newest may be, as 26h for one a day",
		},
		`[{name: a, incremental: /i, max_age: 8d, incremental_max_age: 1d}]`: {
			"backups[0]: does not say where to look; write one of files, full with incremental, restic, borg, zfs or stamp",
			"backups[0].incremental: needs the full backups that it builds on; write full too, or files in place of both",
			"backups[0].incremental_max_age: nothing is told apart here; write full and incremental in place of files, or take this away",
		},
		`[{name: a, files: /f, max_age: 8d, keep: {daily: -1, monthly: 2000}, since: yesterday, delete_after: 1d}]`: {
			"backups[0].keep.daily: -1 is not between 0 and 1000; write how many of them are kept",
			"backups[0].keep.monthly: 2000 is not between 0 and 1000; write how many of them are kept",
			"backups[0].since: is no day; write the day of the first backup, as 2026-01-31",
			"backups[0].delete_after: 1d is not longer than max_age, 8d, so that no backup could be right; write how long the oldest is kept, as 400d",
		},
		`[{name: a, files: /f, max_age: 8d, copies: [{stamp: /s}, {place: local, stamp: /s}, {place: "a b", stamp: s, max_age: 1s}]}]`: {
			"backups[0].copies[0].place: is missing; write where this copy lies, as nas",
			`backups[0].copies[1].place: "local" is the place of another copy already; each has a name of its own`,
			"backups[0].copies[2].place: is no name; use small letters, digits, - and _, at most 64, as nas",
			`backups[0].copies[2].stamp: "s" is no full path on this machine; write one that begins with /, as /var/lib/backup/last-success. What lies elsewhere is looked at by the Tocsin there, or where it is mounted`,
			"backups[0].copies[2].max_age: 1s is less than can be told, since backups are looked at every 5m0s; write at least 10m",
		},
		`[{name: a, files: /f, max_age: 8d, restore_tested: {stamp: x, max_age: 1s}, covers: [postgres, "postgres/", main, "folder:data", "host/a b"]}]`: {
			`backups[0].restore_tested.stamp: "x" is no full path on this machine; write one that begins with /, as /var/lib/backup/restore-tested. What lies elsewhere is looked at by the Tocsin there, or where it is mounted`,
			"backups[0].restore_tested.max_age: 1s is less than can be told, since backups are looked at every 5m0s; write at least 10m",
			"backups[0].covers[0]: " + uncoverable, "backups[0].covers[1]: " + uncoverable, "backups[0].covers[2]: " + uncoverable, "backups[0].covers[3]: " + uncoverable, "backups[0].covers[4]: " + uncoverable,
		},
		`[{name: a, files: /f, max_age: 8d, restore_tested: {max_age: 90d}}]`: {
			"backups[0].restore_tested.stamp: is missing; write the file that is touched when a restore has succeeded, as /var/lib/backup/restore-tested",
		},
		`[{name: a, file: /f, max_age: 8d, files: {a: b}}]`: {
			"backups[0].file: unknown key; did you mean files?",
			"backups[0].files: must be a path, or a list of paths",
			"backups[0]: does not say where to look; write one of files, full with incremental, restic, borg, zfs or stamp",
		},
	} {
		if diff := cmp.Diff(want, read(t, text)); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

const uncoverable = "is nothing that a backup can cover; write postgres/main, postgres/main/demarches, rabbitmq/bus, brick/wiki, host/app1.ville.example or folder:/srv/data"

func TestValidate_isBounded(t *testing.T) {
	many := func(n int, one string) string { return "[" + strings.Repeat(one+",", n) + "]" }
	for text, want := range map[string]string{
		many(maxBackups+1, "{name: a, stamp: /s, max_age: 1d}"):                                           "backups: 201 backups are more than are looked at; write at most 200",
		"[{name: a, stamp: /s, max_age: 1d, copies: " + many(maxCopies+1, "{place: b, stamp: /s}") + "}]": "backups[0].copies: 10 copies are more than are looked at; write at most 9",
		"[{name: a, files: " + many(maxPaths+1, "/s") + ", max_age: 1d}]":                                 "backups[0].files: 51 patterns are more than are looked at; write at most 50, with * in them",
		"[{name: a, stamp: /s, max_age: 1d, covers: " + many(maxCovers+1, "host/a") + "}]":                "backups[0].covers: names more than 1000; name the server or the host in place of its parts",
		"[{name: a, stamp: /s, max_age: 1d, covers: [\"folder:/" + strings.Repeat("x", 300) + "\"]}]":     "backups[0].covers[0]: " + uncoverable,
		"[{name: " + strings.Repeat("a", 65) + ", stamp: /s, max_age: 1d}]":                               "backups[0].name: is no name; use small letters, digits, - and _, at most 64, as dumps",
	} {
		if got := read(t, text); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%.80s: %.300q, want %s", text, got, want)
		}
	}
}

// What config show prints is what can be read again.
func TestConfig_writtenAndReadAgain(t *testing.T) {
	text := `[{name: a, files: /srv/*, max_age: 26h, min_size: 1MB, keep: {daily: 7}, copies: [{place: b, off_site: true, zfs: /t, prefix: x, utc: true}], covers: [host/a]}]`
	var first, second struct {
		Backups List `yaml:"backups"`
	}
	if _, faults := strict.Decode([]byte("backups: "+text), &first); len(faults) > 0 {
		t.Fatal(faults)
	}
	written, err := yaml.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, faults := strict.Decode(written, &second); len(faults) > 0 {
		t.Fatalf("%v\n%s", faults, written)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("%s\n%s", diff, written)
	}
}
