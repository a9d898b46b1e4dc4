package dump

import (
	"bytes"
	"context"
	"fmt"
)

// lastWords are what the programs write at the very end of a dump in SQL,
// beside what its beginning has. Sources: dumpDatabase and main in PostgreSQL's
// src/bin/pg_dump/pg_dump.c and pg_dumpall.c; write_footer in MySQL's and
// MariaDB's client/mysqldump.c, which --skip-comments leaves out with the head.
var lastWords = [...]struct{ head, tail string }{
	{"-- PostgreSQL database dump", "-- PostgreSQL database dump complete"},
	{"-- PostgreSQL database cluster dump", "-- PostgreSQL database cluster dump complete"},
	{"-- MySQL dump", "-- Dump completed"},
	{"-- MariaDB dump", "-- Dump completed"},
}

func isText(head []byte) bool { return wordsOf(head) >= 0 }

// wordsOf returns which of lastWords a dump that begins like this has to end
// in, -1 if none: the first that stands in it decides.
func wordsOf(head []byte) int {
	found, first := -1, len(head)
	for i, w := range lastWords {
		for _, end := range []string{"\n", " "} { // so that one is not the beginning of another
			if at := bytes.Index(head, []byte(w.head+end)); at >= 0 && at < first {
				found, first = i, at
			}
		}
	}
	return found
}

// sqlText wants the last words that belong to the first.
func sqlText(_ context.Context, f *file) error { return endsInWords(f.head, f.tail) }

func endsInWords(head, tail []byte) error {
	i := wordsOf(head)
	if i < 0 || bytes.Contains(tail, []byte(lastWords[i].tail)) {
		return nil
	}
	return fmt.Errorf("%w: its end lacks the line %q", ErrTruncated, lastWords[i].tail)
}

// customDump checks the end of a dump by pg_dump -Fc. Its last data block ends
// with a chunk of length zero, an integer as WriteInt writes it: a sign and
// four bytes. Without any data block the table of contents is last, whose last
// entry ends with an offset of eight zeros or more. So a whole dump ends in
// five zeros, which compressed data or text hardly does by chance; but a file
// that was cut right after one of its tables does. Sources:
// _EndData in src/bin/pg_dump/pg_backup_custom.c, WriteInt and WriteOffset in
// pg_backup_archiver.c. In the directory format the table of contents is a
// file of its own, which this says nothing about.
func customDump(_ context.Context, f *file) error {
	const formatAt, custom = 10, 1 // after magic, version, sizes of integers and offsets
	if len(f.head) <= formatAt {
		return ErrTruncated
	}
	if f.head[formatAt] == custom && !bytes.HasSuffix(f.tail, make([]byte, 5)) {
		return fmt.Errorf("%w: pg_dump did not write its end", ErrTruncated)
	}
	return nil
}

// isTar knows POSIX tar and GNU's by their magic.
func isTar(head []byte) bool {
	const at = 257
	return len(head) > at+5 && bytes.Equal(head[at:at+5], []byte("ustar"))
}

// tarball wants the two empty blocks that end an archive.
func tarball(_ context.Context, f *file) error {
	const blocks = 2 * 512
	if len(f.tail) < blocks || bytes.Count(f.tail[len(f.tail)-blocks:], []byte{0}) < blocks {
		return fmt.Errorf("%w: it lacks the empty blocks that end a tar archive", ErrTruncated)
	}
	return nil
}
