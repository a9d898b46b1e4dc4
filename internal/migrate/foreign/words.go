package foreign

import (
	"slices"
	"strings"

	"tocsin/internal/lazy"
)

// A Word is one word of a command line, without its quotes, and the line of
// the file that it begins on.
type Word struct {
	Text string
	Line int
}

// An Assignment is a variable of an environment file.
type Assignment struct {
	Name, Value string
	Line        int
}

// Words takes a command line apart as shells and systemd agree on: at white
// space, which quotes and a backslash protect. A backslash stands for itself
// in front of anything but white space, quotes and another one, since people
// write regular expressions with too few of them as often as not. The error
// names the line of a quote that is not closed.
//
// Source: systemd.service(5), "Command lines"; POSIX Shell, 2.2, "Quoting".
func Words(name, text string, line int) ([]Word, error) {
	s := splitter{line: line}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && s.quote != '\'' && i+1 < len(text) && text[i+1] == '\n':
			i++ // goes on in the next line
			s.line++
			if s.quote == 0 {
				s.end()
			}
		case c == '\\' && s.quote != '\'' && i+1 < len(text) && strings.IndexByte("\\\"' \t$", text[i+1]) >= 0:
			i++
			s.add(text[i])
		case s.quote != 0 && c == s.quote:
			s.quote = 0
		case s.quote == 0 && (c == '"' || c == '\''):
			s.begin()
			s.quote, s.opened = c, s.line
		case s.quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			s.end()
		default:
			s.add(c)
		}
		if c == '\n' {
			s.line++
		}
	}
	if s.quote != 0 {
		return nil, Fault(name, s.opened, "a quote is opened and never closed")
	}
	s.end()
	return s.words, nil
}

type splitter struct {
	words        []Word
	word         []byte
	started      bool
	from         int // the word's first line
	quote        byte
	line, opened int
}

func (s *splitter) begin() {
	if !s.started {
		s.started, s.from = true, s.line
	}
}

func (s *splitter) add(c byte) {
	s.begin()
	s.word = append(s.word, c)
}

func (s *splitter) end() {
	if s.started {
		s.words = append(s.words, Word{Text: string(s.word), Line: s.from})
	}
	s.word, s.started = nil, false
}

var (
	assignment = lazy.Regexp(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=`)
	execStart  = lazy.Regexp(`^\s*ExecStart\s*=\s*[-@:+!]*`)
	unitEnv    = lazy.Regexp(`^\s*Environment\s*=\s*`)
)

// IsEnvironment tells whether a text is an environment file or a unit rather
// than a bare command line.
func IsEnvironment(text string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool {
		return assignment().MatchString(l) || execStart().MatchString(l)
	})
}

// Assignments reads an environment file, as shells and systemd do: NAME=value
// with or without quotes. Lines that are none are left out.
//
// Source: systemd.exec(5), EnvironmentFile=.
func Assignments(name, text string) ([]Assignment, error) {
	var all []Assignment
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		first := i + 1
		line := lines[i]
		if env := unitEnv().FindString(line); env != "" { // of a unit: Environment="NAME=value"
			words, err := Words(name, strings.TrimPrefix(line, env), first)
			if err != nil {
				return nil, err
			}
			for _, w := range words {
				if key, value, ok := strings.Cut(w.Text, "="); ok {
					all = append(all, Assignment{Name: key, Value: value, Line: first})
				}
			}
			continue
		}
		m := assignment().FindStringSubmatch(line)
		if m == nil || execStart().MatchString(line) {
			continue
		}
		rest := strings.TrimPrefix(line, m[0])
		value, open := unquote(rest)
		for open && i+1 < len(lines) {
			i++
			rest += lines[i]
			value, open = unquote(rest)
		}
		if open {
			return nil, Fault(name, first, "a quote is opened and never closed")
		}
		all = append(all, Assignment{Name: m[1], Value: value, Line: first})
	}
	return all, nil
}

// unquote takes one level of quoting from a value; open tells that it goes on
// in the next line.
func unquote(text string) (value string, open bool) {
	text = strings.TrimLeft(text, " \t")
	var b strings.Builder
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			switch next := text[i]; {
			case next == '\n':
				b.WriteByte(' ')
				if i+1 == len(text) {
					return b.String(), true
				}
			case strings.IndexByte("\\\"`$", next) >= 0 || quote == 0:
				b.WriteByte(next)
			default:
				b.WriteByte(c)
				b.WriteByte(next)
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (c == '\n' || c == '\r'):
			return strings.TrimRight(b.String(), " \t"), false
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimRight(b.String(), " \t"), quote != 0
}

// Commands returns the command lines of a text: those of a unit's ExecStart=,
// those that variables of an environment file hold, or the text itself. The
// program in front of the flags is not among the words.
func Commands(name, text string) ([]Word, error) {
	if !IsEnvironment(text) {
		words, err := Words(name, text, 1)
		return flagsOnly(words), err
	}
	variables, err := Assignments(name, text)
	if err != nil {
		return nil, err
	}
	var all []Word
	for _, v := range variables {
		if !strings.HasPrefix(strings.TrimSpace(v.Value), "-") {
			continue
		}
		words, err := Words(name, v.Value, v.Line)
		if err != nil {
			return nil, err
		}
		all = append(all, words...)
	}
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		start := execStart().FindString(lines[i])
		if start == "" {
			continue
		}
		first, command := i+1, strings.TrimPrefix(lines[i], start)
		for strings.HasSuffix(strings.TrimRight(lines[i], "\r\n"), `\`) && i+1 < len(lines) {
			i++
			command += lines[i]
		}
		words, err := Words(name, command, first)
		if err != nil {
			return nil, err
		}
		all = append(all, flagsOnly(words)...)
	}
	return all, nil
}

// flagsOnly takes the program away, with what stands in front of its flags.
func flagsOnly(words []Word) []Word {
	if i := slices.IndexFunc(words, func(w Word) bool { return strings.HasPrefix(w.Text, "-") }); i >= 0 {
		return words[i:]
	}
	return nil
}
