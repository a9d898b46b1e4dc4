package backups

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzStamp(f *testing.F) {
	for _, seed := range []string{"", "2026-11-25T03:04:05+01:00", "1795000000", "1795000000.5", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if at, ok := parseStamp(text); ok && (at.Before(earliest) || !at.Before(farthest)) {
			t.Errorf("%q: %s", text, at)
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte("BORG_IDX\x01\x00\x00\x00\x01\x00\x00\x00\x20\x08" + strings.Repeat("k", 32) + "\x07\x00\x00\x00\x08\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, index []byte) {
		newest, keys, err := (&borg{}).objects(t.Context(), bytes.NewReader(index))
		if err == nil && (newest >= 0) != (len(keys) > 0) {
			t.Errorf("%q: %d keys, the newest in segment %d", index, len(keys), newest)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	for _, seed := range []string{"autosnap_2026-11-27_00:00:01_daily", "zrepl_20261127_001500_000", "2026-02-30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if at, ok := parseSnapshot(name, time.UTC); ok && (at.Before(earliest) || !at.Before(farthest)) {
			t.Errorf("%q: %s", name, at)
		}
	})
}
