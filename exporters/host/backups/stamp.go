package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stamp is a file that is written when a backup has succeeded.
type stamp struct{ path string }

// maxStamp bounds what is read of a stamp.
const maxStamp = 1 << 10

// look implements source. A stamp that does not exist yet is no backup at all;
// its folder must exist.
func (s stamp) look(_ context.Context, now time.Time) (finding, error) {
	at, err := s.read()
	if err != nil {
		return finding{}, err
	}
	var times []int64
	if !at.IsZero() {
		times = append(times, at.Unix())
	}
	found := finding{series: untold(times, now)}
	found.series[0].listed = false
	return found, nil
}

// read returns the time that the stamp stands for; zero: there is none yet.
func (s stamp) read() (time.Time, error) {
	f, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, os.ErrNotExist) {
		folder := s.path[:strings.LastIndexByte(s.path, '/')+1]
		if _, err := os.Stat(folder); err != nil {
			return time.Time{}, err
		}
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return time.Time{}, &placeError{reasonForm, fmt.Errorf("%s is no ordinary file", s.path), "write the path of a file that is touched after success"}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxStamp))
	if err != nil {
		return time.Time{}, err
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return info.ModTime(), nil
	}
	at, ok := parseStamp(text)
	if !ok {
		return time.Time{}, &placeError{reasonForm, fmt.Errorf("%s has no time in it", s.path), "write it with date -Is, or leave it empty with touch"}
	}
	return at, nil
}

// Stamps and snapshots bear times of this century; other numbers are no times.
var (
	earliest = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	farthest = time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// parseStamp reads a time as RFC 3339 or in Unix seconds.
func parseStamp(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		whole, _, _ := strings.Cut(text, ".")
		seconds, bad := strconv.ParseInt(whole, 10, 64)
		if _, fraction := strconv.ParseFloat(text, 64); bad != nil || fraction != nil {
			return time.Time{}, false
		}
		at = time.Unix(seconds, 0)
	}
	if at.Before(earliest) || !at.Before(farthest) {
		return time.Time{}, false
	}
	return at, true
}
