package access

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"
)

// Bounds of a users file.
const (
	maxUsersFile = 1 << 20
	maxUsers     = 1000
	// maxCost is 8 times what is slow already: at 14 one check takes a second.
	maxCost = 15
)

// readUsers reads a users file: name to bcrypt hash. Errors never show a hash.
func readUsers(path string) (map[string][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxUsersFile+1))
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	if len(content) > maxUsersFile {
		return nil, fmt.Errorf("read users: %s is larger than %d bytes", path, maxUsersFile)
	}
	users, err := parseUsers(content)
	if err != nil {
		return nil, fmt.Errorf("read users: %s: %w", path, err)
	}
	return users, nil
}

// parseUsers knows the two forms by their first line that says something.
func parseUsers(content []byte) (map[string][]byte, error) {
	lines, err := passwordLines(content)
	if err != nil {
		return nil, err
	}
	var written map[string]string
	if len(lines) > 0 && isYAML(lines[0].text) {
		written, err = yamlUsers(content)
	} else {
		written, err = lineUsers(lines)
	}
	if err != nil {
		return nil, err
	}
	if len(written) == 0 {
		return nil, errors.New("it names no user; write a line as htpasswd -nB NAME prints it")
	}
	if len(written) > maxUsers {
		return nil, fmt.Errorf("it names %d users, the most is %d", len(written), maxUsers)
	}
	users := make(map[string][]byte, len(written))
	var wrong []error
	for name, hash := range written {
		if err := checkHash(hash); err != nil {
			wrong = append(wrong, fmt.Errorf("user %q: %w", name, err))
			continue
		}
		users[name] = []byte(hash)
	}
	return users, errors.Join(wrong...)
}

func checkHash(hash string) error {
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil:
		return errors.New("what follows the name is no bcrypt hash; make one with htpasswd -nB NAME")
	case cost > maxCost:
		return fmt.Errorf("the hash's cost is %d, which takes seconds at each check; use 10", cost)
	default:
		return nil
	}
}

type passwordLine struct {
	number int
	text   string
}

func passwordLines(content []byte) ([]passwordLine, error) {
	var lines []passwordLine
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; scanner.Scan(); n++ {
		text := strings.TrimSpace(scanner.Text())
		if text != "" && !strings.HasPrefix(text, "#") {
			lines = append(lines, passwordLine{n, text})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, errors.New("it has a line that is too long")
	}
	return lines, nil
}

// isYAML tells a mapping from a line name:hash, which has no space after the
// colon.
func isYAML(line string) bool {
	return line == "---" || line == "{}" || strings.HasSuffix(line, ":") || strings.Contains(line, ": ")
}

func lineUsers(lines []passwordLine) (map[string]string, error) {
	users := make(map[string]string, len(lines))
	for _, line := range lines {
		name, hash, ok := strings.Cut(line.text, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d is not of the form name:hash", line.number)
		}
		if _, twice := users[name]; twice {
			return nil, fmt.Errorf("line %d names the user %q a second time", line.number, name)
		}
		users[name] = hash
	}
	return users, nil
}

func yamlUsers(content []byte) (map[string]string, error) {
	var file struct {
		Users map[string]string `yaml:"basic_auth_users"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		// The decoder's own words quote the file, hashes included.
		return nil, errors.New("it is neither lines name:hash nor YAML with the one key basic_auth_users " +
			"(certificates belong under web.tls of the site file)")
	}
	return file.Users, nil
}
