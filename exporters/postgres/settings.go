package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tocsin/internal/frame"
)

// settingsQuery are all settings that are numbers or switches, as other sessions
// of this user have them: ours has bounds of its own (conn.go). Azure's and
// Google's two are left out, as postgres_exporter does: they are neither.
var settingsQuery = &query{
	name: "settings",
	variants: []variant{{v9_4, `SELECT name, CASE WHEN source = 'session' THEN reset_val ELSE setting END, unit FROM pg_settings
WHERE vartype IN ('bool', 'integer', 'real') AND name NOT IN ('sync_commit_cancel_wait', 'google_dataplex.max_messages')`}},
}

// anySetting declares what is only known once a server is asked.
var anySetting = &frame.Family{
	Name: "pg_settings_*", Type: frame.Gauge,
	Help: "A setting of the server (view pg_settings), in seconds or bytes where it has a unit; a switch is 1 or 0.",
}

// settings sends each setting of the server as a metric of its own.
type settings struct {
	server *server
	known  map[string]setting // touched by Collect alone
}

// A setting is the family of one, and what its number is multiplied with.
type setting struct {
	family *frame.Family
	scale  float64
}

// Name implements frame.Collector.
func (*settings) Name() string { return settingsQuery.name }

// Families implements frame.Collector.
func (*settings) Families() []*frame.Family { return []*frame.Family{anySetting} }

// Collect implements frame.Collector.
func (t *settings) Collect(ctx context.Context, s *frame.Sink) error {
	return t.server.with(ctx, "", func(c *conn) error {
		return c.each(ctx, settingsQuery, func(row [][]byte) error {
			name := string(row[0])
			switch {
			case name == readOnly && !c.standby: // of our transaction alone; those of others are as their default says
				return nil
			case name == "default_"+readOnly && !c.standby:
				if err := t.send(s, readOnly, row[1], nil); err != nil {
					return err
				}
			}
			return t.send(s, name, row[1], row[2])
		})
	})
}

// readOnly is whether a transaction may not write.
const readOnly = "transaction_read_only"

func (t *settings) send(s *frame.Sink, name string, text, unit []byte) error {
	one, ok := t.known[name]
	if !ok {
		var err error
		if one, err = newSetting(name, string(unit)); err != nil {
			return err
		}
		t.known[name] = one
	}
	var n float64
	switch string(text) {
	case "on":
		n = 1
	case "off":
	default:
		var err error
		if n, err = parse(trimUnit(text)); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	if n != -1 { // it means "as another setting", or "off"
		n *= one.scale
	}
	s.Send(one.family, n)
	return nil
}

// units are those that settings are counted in, with postgres_exporter's word.
//
// Source: PostgreSQL's manual, 20.1.1; a unit may be a number of blocks.
var units = map[string]struct {
	word  string
	scale float64
}{
	"": {"", 1}, "us": {"seconds", 1e-6}, "ms": {"seconds", 1e-3}, "s": {"seconds", 1}, "min": {"seconds", 60}, "h": {"seconds", 3600}, "d": {"seconds", 86400},
	"B": {"bytes", 1}, "kB": {"bytes", 1 << 10}, "MB": {"bytes", 1 << 20}, "GB": {"bytes", 1 << 30}, "TB": {"bytes", 1 << 40},
}

func newSetting(name, unit string) (setting, error) {
	number := strings.TrimRight(unit, "usminhdBkMGT")
	u, ok := units[unit[len(number):]]
	factor := 1.0
	if number != "" {
		var err error
		if factor, err = parse([]byte(number)); err != nil {
			ok = false
		}
	}
	if !ok {
		return setting{}, errors.New("setting " + name + " has a unit that is not known")
	}
	full := "pg_settings_" + strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_' // a module's own settings have a dot in their names
	}, name)
	help := "Server Parameter: " + name
	if u.word != "" {
		full += "_" + u.word
		help += " [Units converted to " + u.word + ".]"
	}
	return setting{&frame.Family{Name: full, Type: frame.Gauge, Help: help}, u.scale * factor}, nil
}

// trimUnit takes a unit off a number: Amazon's Aurora writes it there.
func trimUnit(text []byte) []byte {
	for i, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' && c != 'I' && c != 'N' {
			return text[:i]
		}
	}
	return text
}
