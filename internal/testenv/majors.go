package testenv

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// MajorsVar names the folder into which tools/postgres-majors.sh has put the
// majors of PostgreSQL that Debian does not have.
const MajorsVar = "TOCSIN_POSTGRES_MAJORS"

// PostgresMajors runs a test on each major of PostgreSQL that is to be had: all
// from 10 on where MajorsVar names their folder, else Debian's alone, and the
// skip is recorded.
func PostgresMajors(t *testing.T, test func(t *testing.T, start func(args ...string) *Cluster)) {
	t.Helper()
	folder := os.Getenv(MajorsVar)
	if folder == "" {
		record(t, "PostgreSQL's other majors", MajorsVar+" is not set; make compat-postgres sets it", "-")
	}
	servers, _ := filepath.Glob(filepath.Join(folder, "*", "bin", "postgres")) // the pattern is ours
	majors := map[int]string{0: ""}
	for _, path := range servers {
		bin := filepath.Dir(path)
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && folder != "" {
			majors[n] = bin
		}
	}
	for _, major := range slices.Sorted(maps.Keys(majors)) {
		name := strconv.Itoa(major)
		if major == 0 {
			name = "Debian"
		}
		t.Run(name, func(t *testing.T) {
			test(t, func(args ...string) *Cluster {
				if major == 0 {
					return Postgres(t, args...)
				}
				bin := majors[major]
				return cluster(t, filepath.Join(bin, "initdb"), filepath.Join(bin, "postgres"), args...)
			})
		})
	}
}
