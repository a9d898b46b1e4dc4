package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layoutVersion names the layout of the data folder. It changes only when an
// older Tocsin could not read what a newer one wrote.
const layoutVersion = "1"

// ErrDataFolder is behind every error about a data folder that cannot be used.
var ErrDataFolder = errors.New("data folder")

// prepareFolder makes the data folder, mode 0700, proves that it can be
// written to, and refuses one that another layout made.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w; choose another with --data-dir or data_dir", ErrDataFolder, err)
	}
	path := filepath.Join(dir, "version")
	found, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(dir, "tsdb")); err == nil {
			return fmt.Errorf("%w %s has measurements but no file \"version\": it was not written by Tocsin; choose another with --data-dir or data_dir", ErrDataFolder, dir)
		}
		if err := writeFile(path, []byte(layoutVersion+"\n")); err != nil {
			return fmt.Errorf("%w: %w; it must be writable by the user that runs Tocsin", ErrDataFolder, err)
		}
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDataFolder, err)
	case strings.TrimSpace(string(found)) != layoutVersion:
		return fmt.Errorf("%w %s has layout %.20q, this Tocsin reads layout %q: run the Tocsin that wrote it, or choose an empty folder; nothing was changed",
			ErrDataFolder, dir, strings.TrimSpace(string(found)), layoutVersion)
	}
	// The version may be there and the folder read-only all the same.
	probe, err := os.CreateTemp(dir, ".writable.*")
	if err != nil {
		return fmt.Errorf("%w: %w; it must be writable by the user that runs Tocsin", ErrDataFolder, err)
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return nil
}

// prepareSub makes a folder inside the data folder.
func prepareSub(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	return nil
}
