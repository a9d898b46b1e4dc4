package backups

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/lazy"
)

// borg is a repository of borg 1, by its own files.
//
// An archive has no file of its own, and every command that writes (create,
// but prune, delete and compact too) ends in a new index.N, so that a nightly
// script whose create fails would look fresh for ever by that file's time. The
// index says more: for each object that is alive, which segment it lies in. A
// new archive always brings new objects; prune and delete only take some away
// and write the manifest anew, whose key is all zeros; compact moves objects
// to new segments under their old keys. So the newest archive is as old as the
// segment with the newest object whose key the look before did not have. The
// first look has nothing to compare with: it takes the newest object of all,
// which may have been moved since, so it can be too young by the time from the
// last create to the last compact.
//
// It cannot be known: how many archives there are, of which hosts, how large,
// and whether what came was a whole archive or the checkpoint of one that was
// broken off. Source: borg 1.2's docs/internals/data-structures.rst and
// src/borg/hashindex.pyx, and what borg 1.2.4 wrote.
type borg struct {
	path string

	index string   // whose keys are known
	known []uint64 // the beginnings of all keys, sorted; nil: of none
	last  time.Time
	size  measured
}

// Of the index.
const (
	indexMagic  = "BORG_IDX"
	indexHeader = 18 // magic, entries, buckets, sizes of key and value
	keySize     = 32
	bucketSize  = keySize + 8
	// firstReserved is the lowest segment number that means that a bucket is
	// empty or its object deleted.
	firstReserved = 0xfffffbff
	maxIndex      = 512 << 20
	// maxKeys bounds the keys that are remembered, to 32 MB; beyond, the newest
	// object of all is taken at each look.
	maxKeys = 4 << 20
)

// look implements source.
func (b *borg) look(ctx context.Context, now time.Time) (finding, error) {
	names, err := os.ReadDir(b.path)
	if err != nil {
		return finding{}, err
	}
	var found finding
	index := newestIndex(names)
	for _, e := range names {
		if e.Name() == "lock.exclusive" {
			if info, err := e.Info(); err == nil {
				found.locked = info.ModTime()
			}
		}
	}
	if index == "" {
		return finding{}, &placeError{reasonForm, fmt.Errorf("%s is no repository of borg 1 that is in order: it has no index", b.path), "write the folder that borg init made, or run borg check there"}
	}
	if index != b.index {
		if err := b.read(ctx, index); err != nil {
			return finding{}, err
		}
	}
	var times []int64
	if !b.last.IsZero() {
		times = append(times, b.last.Unix())
	}
	found.series = untold(times, now)
	found.series[0].listed = false
	found.total = b.size.of(ctx, index, b.path)
	return found, nil
}

// newestIndex returns the name of the index of the newest transaction.
func newestIndex(names []fs.DirEntry) string {
	newest, number := "", int64(-1)
	for _, e := range names {
		text, ok := strings.CutPrefix(e.Name(), "index.")
		if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n > number {
			newest, number = e.Name(), n
		}
	}
	return newest
}

// read takes over what an index says.
func (b *borg) read(ctx context.Context, name string) error {
	path := filepath.Join(b.path, name)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	segment, keys, err := b.objects(ctx, bufio.NewReaderSize(f, 256<<10))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &placeError{reasonForm, fmt.Errorf("%s: %w", path, err), "run borg check on it"}
	}
	if segment >= 0 {
		if b.last, err = b.timeOf(segment); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		b.last = time.Time{} // there is no archive any more
	}
	b.index, b.known = name, keys
	return nil
}

// objects goes through an index. It returns the newest segment that has an
// object which was not known before, -1 if there is none; and the beginnings
// of all keys.
func (b *borg) objects(ctx context.Context, r io.Reader) (newest int64, keys []uint64, err error) {
	header := make([]byte, indexHeader)
	if _, err := io.ReadFull(r, header); err != nil || !bytes.HasPrefix(header, []byte(indexMagic)) {
		return -1, nil, errors.New("it does not begin as an index of borg 1 does")
	}
	buckets := int64(binary.LittleEndian.Uint32(header[12:]))
	if header[16] != keySize || header[17] != bucketSize-keySize || buckets*bucketSize > maxIndex {
		return -1, nil, fmt.Errorf("an index with keys of %d bytes, values of %d and %d buckets is not known", header[16], header[17], buckets)
	}
	newest = -1
	bucket := make([]byte, bucketSize)
	for i := range buckets {
		if i%(64<<10) == 0 && ctx.Err() != nil {
			return -1, nil, ctx.Err()
		}
		if _, err := io.ReadFull(r, bucket); err != nil {
			return -1, nil, fmt.Errorf("it ends after %d of %d buckets", i, buckets)
		}
		segment := binary.LittleEndian.Uint32(bucket[keySize:])
		if segment >= firstReserved || allZero(bucket[:keySize]) {
			continue
		}
		key := binary.LittleEndian.Uint64(bucket)
		if len(keys) < maxKeys {
			keys = append(keys, key)
		}
		if !b.knows(key) {
			newest = max(newest, int64(segment))
		}
	}
	slices.Sort(keys)
	return newest, keys, nil
}

// knows tells whether the look before had an object of this key. Where it
// could not remember all, none is known.
func (b *borg) knows(key uint64) bool {
	if len(b.known) == maxKeys {
		return false
	}
	_, ok := slices.BinarySearch(b.known, key)
	return ok
}

func allZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

// timeOf is when a segment was written last.
func (b *borg) timeOf(segment int64) (time.Time, error) {
	perFolder, err := b.segmentsPerFolder()
	if err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(filepath.Join(b.path, "data", strconv.FormatInt(segment/perFolder, 10), strconv.FormatInt(segment, 10)))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

var segmentsPerDir = lazy.Regexp(`(?m)^segments_per_dir *= *([0-9]{1,9})\s*$`)

// segmentsPerFolder reads from the repository's configuration how segments are
// spread over folders.
func (b *borg) segmentsPerFolder() (int64, error) {
	f, err := os.Open(filepath.Join(b.path, "config"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return 0, err
	}
	if m := segmentsPerDir().FindSubmatch(text); m != nil {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64) // nine digits fit
		return cmp.Or(n, 1), nil
	}
	return 1000, nil // borg's default
}
