// Package secret holds values that must not be seen: a password, a token, a
// webhook's URL. A Text prints, logs and marshals as [redacted] whatever verb
// or marshaller is used; it is revealed by one method, at the last moment.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Redacted is what a secret shows in place of itself.
const Redacted = "[redacted]"

// maxFile bounds a secret's file; a token is some hundred bytes.
const maxFile = 64 << 10

// A Text is a string that does not print. The zero value is the empty secret.
// Two of them are compared by what they reveal, not by ==.
type Text struct {
	// A pointer, since fmt shows the fields of a struct around it without
	// asking Format when the verb is a wrong one.
	value *string
}

// New makes a secret of a string.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{value: &value}
}

// Reveal returns the secret. Call it where it is used, and nowhere else.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero tells whether there is no secret at all.
func (t Text) IsZero() bool { return t.value == nil }

// Format prints [redacted] for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// String returns [redacted], or nothing for the empty secret.
func (t Text) String() string {
	if t.IsZero() {
		return ""
	}
	return Redacted
}

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText serves JSON and every other text marshaller.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalYAML implements yaml.Marshaler.
func (t Text) MarshalYAML() (any, error) { return t.String(), nil }

// UnmarshalText reads the secret from a configuration.
func (t *Text) UnmarshalText(b []byte) error {
	*t = New(string(b))
	return nil
}

// A Source is where a secret comes from: written in the site file, or in a
// file of its own, which is read again at every use so that a renewed secret
// needs no reload.
type Source struct {
	Value Text
	File  string
}

// IsZero tells whether no secret was configured.
func (s Source) IsZero() bool { return s.Value.IsZero() && s.File == "" }

// Read returns the secret. A file is trimmed of surrounding white space; an
// empty or oversized file is an error. Errors name the file, never its content.
func (s Source) Read() (Text, error) {
	if s.File == "" {
		return s.Value, nil
	}
	f, err := os.Open(s.File)
	if err != nil {
		return Text{}, fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Text{}, fmt.Errorf("read secret: %w", err)
	}
	if len(b) > maxFile {
		return Text{}, fmt.Errorf("read secret: %s is larger than %d bytes", s.File, maxFile)
	}
	v := strings.TrimSpace(string(b))
	if v == "" {
		return Text{}, fmt.Errorf("read secret: %s is empty", s.File)
	}
	return New(v), nil
}
