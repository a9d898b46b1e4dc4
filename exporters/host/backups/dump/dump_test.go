package dump

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/testenv"
)

// run runs a program and returns what it printed.
func run(t *testing.T, path string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

func check(t *testing.T, name string, content []byte) error {
	t.Helper()
	return Check(t.Context(), name, bytes.NewReader(content), int64(len(content)))
}

// whole wants a file to be found whole, and cut off at whatever byte: of some
// hundred cuts in its second half, none but the share that was said may go
// unnoticed; at its very end, a cut may that takes no more than marks bytes.
func whole(t *testing.T, name string, content []byte, marks int, share float64) {
	t.Helper()
	if err := check(t, name, content); err != nil {
		t.Errorf("%s, whole: %v", name, err)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	const cuts = 100
	silent := 0
	for range cuts {
		if !noticed(t, name, content, len(content)/2+random.IntN(len(content)/2-marks)) {
			silent++
		}
	}
	last := 0
	for lost := 1; lost < 2*marks+20; lost++ {
		if !noticed(t, name, content, len(content)-lost) {
			last = lost
		}
	}
	if float64(silent) > share*cuts || last > marks {
		t.Errorf("%s: %d of %d cuts went unnoticed, and one of the last %d bytes", name, silent, cuts, last)
	}
	t.Logf("%s: %d bytes; %d of %d cuts went unnoticed, and the loss of the last %d bytes", name, len(content), silent, cuts, last)
}

func noticed(t *testing.T, name string, content []byte, at int) bool {
	t.Helper()
	err := check(t, name, content[:at])
	if err != nil && !errors.Is(err, ErrTruncated) {
		t.Fatalf("%s, cut at %d of %d: %v", name, at, len(content), err)
	}
	return err != nil
}

// The real pg_dump and pg_dumpall, in all forms, and the real compressors.
func TestCheck_realDumps(t *testing.T) {
	dir := testenv.Postgres(t).Dir
	psql, pgDump, pgDumpAll := testenv.Program(t, "psql", "postgresql"), testenv.Program(t, "pg_dump", "postgresql"), testenv.Program(t, "pg_dumpall", "postgresql")
	run(t, psql, "-h", dir, "-U", "admin", "postgres", "-c", "CREATE TABLE demarche (n int, nom text)",
		"-c", "INSERT INTO demarche SELECT n, md5(n::text) FROM generate_series(1, 2000) n", "-c", "SELECT lo_from_bytea(0, 'a large object')")
	connect := []string{"-h", dir, "-U", "admin", "-d", "postgres"}
	out := t.TempDir()
	dump := func(name string, args ...string) []byte {
		path := filepath.Join(out, name)
		run(t, pgDump, append(append(connect, "-f", path), args...)...)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	custom := dump("main.dump", "-Fc")
	plain := dump("main.sql")
	whole(t, "main.dump", custom, 10, 0)
	whole(t, "uncompressed.dump", dump("uncompressed.dump", "-Fc", "-Z0"), 10, 0)
	// Without data the file is its table of contents, which has runs of zeros.
	whole(t, "schema.dump", dump("schema.dump", "-Fc", "-s"), 10, 0.1)
	whole(t, "main.sql", plain, 85, 0) // after the last words comes \unrestrict with its key
	whole(t, "piped.dump", run(t, pgDump, append(connect, "-Fc")...), 10, 0)
	whole(t, "main.tar", dump("main.tar", "-Ft"), 512, 0) // the last member is padded with zeros
	whole(t, "all.sql", run(t, pgDumpAll, "-h", dir, "-U", "admin"), 5, 0)

	folder := filepath.Join(out, "folder")
	run(t, pgDump, append(connect, "-Fd", "-f", folder)...)
	toc, err := os.ReadFile(filepath.Join(folder, "toc.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, "toc.dat", toc); err != nil {
		t.Errorf("the table of contents of a folder: %v", err)
	}

	path := filepath.Join(out, "main.sql")
	whole(t, "main.sql.gz", run(t, testenv.Program(t, "gzip", "gzip"), "-c", path), 0, 0)
	whole(t, "main.sql.zst", run(t, testenv.Program(t, "zstd", "zstd"), "-c", path), 0, 0)
	whole(t, "checked.zst", run(t, testenv.Program(t, "zstd", "zstd"), "-c", "--check", "-19", path), 0, 0)
	random := make([]byte, 700_000) // several blocks, each as it is
	for i := range random {
		random[i] = byte(rand.Uint32()) //nolint:gosec // anything that does not compress
	}
	if err := os.WriteFile(filepath.Join(out, "random"), random, 0o600); err != nil {
		t.Fatal(err)
	}
	whole(t, "random.zst", run(t, testenv.Program(t, "zstd", "zstd"), "-c", filepath.Join(out, "random")), 0, 0)
	whole(t, "main.sql.xz", run(t, testenv.Program(t, "xz", "xz-utils"), "-c", path), 0, 0)
	two := append(run(t, testenv.Program(t, "zstd", "zstd"), "-c", path), run(t, testenv.Program(t, "zstd", "zstd"), "-c", "--no-check", path)...)
	if err := check(t, "two.zst", two); err != nil {
		t.Errorf("two frames: %v", err)
	}

	// A dump that was cut off before it was compressed is whole as a gzip file.
	if err := os.WriteFile(path, plain[:len(plain)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(t, "cut.sql.gz", run(t, testenv.Program(t, "gzip", "gzip"), "-c", path)); !errors.Is(err, ErrTruncated) {
		t.Errorf("a cut dump in a whole gzip file: %v", err)
	}
}

func TestCheck_tar(t *testing.T) {
	content := run(t, testenv.Program(t, "tar", "tar"), "-c", "-C", t.TempDir(), ".")
	if err := check(t, "home.tar", content); err != nil {
		t.Errorf("whole: %v", err)
	}
	if err := check(t, "home.tar", content[:1024]); !errors.Is(err, ErrTruncated) {
		// The first block is the folder, the second begins the end.
		t.Errorf("cut: %v", err)
	}
}

// What mysqldump writes first and last, as of MySQL 8.0 and MariaDB 10.11.
func TestCheck_words(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    error
	}{
		"mysql":              {"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\nINSERT\n-- Dump completed on 2026-11-27  1:02:03\n", nil},
		"mysql, cut":         {"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\nINSERT\n", ErrTruncated},
		"mariadb":            {"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\n-- Dump completed on 2026-11-27\n", nil},
		"mariadb, cut":       {"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\nINS", ErrTruncated},
		"a cluster's end":    {"--\n-- PostgreSQL database cluster dump\n--\n-- PostgreSQL database dump complete\n", ErrTruncated},
		"anything":           {"hello", nil},
		"one byte":           {"P", nil},
		"magic alone":        {"PGDMP", ErrTruncated},
		"page.gz":            {"<html>404</html>", ErrForeign},
		"page.ZST":           {"<html>404</html>", ErrForeign},
		"page.tar":           {strings.Repeat("\x00", 2048), ErrForeign},
		"a.gz":               {"\x1f\x8b\x08\xff" + strings.Repeat("\xff", 20), ErrTruncated},
		"damaged.gz":         {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff\xff", ErrForeign},
		"no block.zst":       {"\x28\xb5\x2f\xfd\x20\x01\x0f\x00\x00a", ErrForeign},
		"a.zst":              {"\x28\xb5\x2f\xfd", ErrTruncated},
		"b.zst":              {"\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00aMORETHAN8", ErrForeign},
		"skippable.zst":      {"\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00a\x50\x2a\x4d\x18\x01\x00\x00\x00x", nil},
		"skippable,cut":      {"\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00a\x50\x2a\x4d\x18\x02\x00\x00\x00x", ErrTruncated},
		"x.xz":               {"\xfd7zXZ\x00\x00\x04YZ\x00\x00\x00\x00", nil},
		"cut.xz":             {"\xfd7zXZ\x00\x00\x04Y", ErrTruncated},
		"empty of a kind.gz": {"", ErrForeign},
	} {
		if err := check(t, name, []byte(c.content)); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A file that is longer in the folder than on the disk is still being written.
func TestCheck_shorterThanSaid(t *testing.T) {
	if err := Check(t.Context(), "a", strings.NewReader("abc"), 5000); !errors.Is(err, ErrTruncated) {
		t.Errorf("got %v", err)
	}
}

func TestCheck_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	zipped := run(t, testenv.Program(t, "gzip", "gzip"), "-c", "dump.go")
	if err := Check(ctx, "dump.go.gz", bytes.NewReader(zipped), int64(len(zipped))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Any bytes are judged without a panic, and in bounded time.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"PGDMP\x01\x0e\x00\x04\x08\x01", "\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00a", "\x1f\x8b\x08\x00", "\xfd7zXZ\x00YZ", "--\n-- PostgreSQL database dump\n", "\x50\x2a\x4d\x18\x00\x00\x00\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		err := check(t, "fuzz.dump", content)
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", content, err)
		}
	})
}
