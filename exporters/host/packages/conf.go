package packages

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxConf bounds what is read of one file of configuration, in bytes.
const maxConf = 1 << 20

// A conf has apt's settings by their full names in small letters:
// apt::periodic::enable.
type conf map[string]string

// readConf reads apt's configuration (apt.conf(5)): the folder's files, then
// apt.conf; the last one wins.
func readConf(etc string) (conf, error) {
	paths, err := parts(filepath.Join(etc, "apt.conf.d"), ".conf")
	errs := []error{err}
	c := conf{}
	for _, path := range append(paths, filepath.Join(etc, "apt.conf")) {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, maxConf))
		_ = f.Close() // it was only read
		if err == nil {
			err = c.parse(string(text))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return c, errors.Join(errs...)
}

// parse adds the settings of one file: names with a value, ended by a
// semicolon, and blocks of them. Of a list without names nothing is kept.
func (c conf) parse(text string) error {
	var scope, words []string
	for {
		word, quoted, rest := nextToken(text)
		text = rest
		switch {
		case word == "" && !quoted:
			if len(scope) > 0 || len(words) > 0 {
				return errors.New("it ends within a setting or block")
			}
			return nil
		case quoted || !strings.Contains("{};", word):
			words = append(words, word)
		case word == "{":
			name := ""
			if len(words) > 0 {
				name = words[0]
			}
			scope = append(scope, name)
			words = nil
		case word == ";":
			c.set(scope, words)
			words = nil
		case len(scope) == 0:
			return errors.New("a } closes no block")
		default: // }
			c.set(scope, words) // the last semicolon may lack
			scope, words = scope[:len(scope)-1], nil
		}
	}
}

func (c conf) set(scope, words []string) {
	switch {
	case len(words) == 2 && strings.EqualFold(words[0], "#clear"):
		name := fullName(scope, words[1])
		for key := range c {
			if key == name || strings.HasPrefix(key, name+"::") {
				delete(c, key)
			}
		}
	case len(words) == 2:
		c[fullName(scope, words[0])] = words[1]
	}
}

func fullName(scope []string, name string) string {
	return strings.ToLower(strings.Join(append(slices.Clip(scope), name), "::"))
}

// nextToken cuts the next word or sign off a text. Comments begin with // or
// #, but for #clear, or lie between /* and */.
func nextToken(text string) (token string, quoted bool, rest string) {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		switch {
		case text == "":
			return "", false, ""
		case strings.HasPrefix(text, "//"), text[0] == '#' && !strings.HasPrefix(strings.ToLower(text), "#clear"):
			_, text, _ = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text[2:], "*/")
		case text[0] == '"':
			token, rest, _ = strings.Cut(text[1:], `"`)
			return token, true, rest
		case strings.ContainsRune("{};", rune(text[0])):
			return text[:1], false, text[1:]
		default:
			end := strings.IndexAny(text, " \t\r\n{};\"")
			if end < 0 {
				end = len(text)
			}
			return text[:end], false, text[end:]
		}
	}
}

// is tells whether a setting is on, by the words that apt takes for yes.
func (c conf) is(name string) bool {
	switch strings.ToLower(c[name]) {
	case "1", "yes", "true", "with", "on", "enable":
		return true
	}
	return false
}
