package certificates

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// A syntax splits a configuration into statements, each of a name and what is
// given to it. What is written against the rules must not upset it.
type syntax func(text string) [][]string

const blank = " \t\r\n\f\v"

// lines is the syntax of one statement a line: a name, perhaps =, and words.
type lines struct {
	folded  string // how a line goes on in the next: "\\\n", "\n " or not at all
	quotes  string // the characters that words may be quoted with
	between string // what divides words beside blanks
	anyCase bool   // names are not told apart by their case
}

var (
	wholeComment = regexp.MustCompile(`(?m)^[ \t]*#.*\n?`)
	goesOn       = regexp.MustCompile(`\n[ \t]+`)
)

func (l lines) statements(text string) [][]string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	switch l.folded {
	case "\n ":
		text = goesOn.ReplaceAllString(wholeComment.ReplaceAllString(text, ""), " ")
	case "\\\n":
		text = strings.ReplaceAll(text, "\\\n", " ")
	}
	var all [][]string
	for line := range strings.Lines(text) {
		line = strings.Trim(line, blank)
		name := line
		if i := strings.IndexAny(line, "="+blank); i >= 0 {
			name = line[:i]
		}
		if name == "" || strings.ContainsRune("#;", rune(name[0])) {
			continue
		}
		rest := strings.TrimLeft(line[len(name):], blank)
		rest = strings.TrimPrefix(rest, "=")
		if l.anyCase {
			name = strings.ToLower(name)
		}
		all = append(all, append([]string{name}, l.words(rest)...))
	}
	return all
}

// words splits what follows a name, up to a comment.
func (l lines) words(text string) []string {
	var all []string
	for {
		text = strings.TrimLeft(text, blank+l.between)
		if text == "" || text[0] == '#' {
			return all
		}
		var word string
		word, text = next(text, l.quotes, blank+l.between)
		all = append(all, word)
	}
}

// next takes the first word off a text, which may be quoted in whole or in
// part and ends before one of the characters of end.
func next(text, quotes, end string) (word, rest string) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quotes != "" && i+1 < len(text) && strings.IndexByte(quotes+`\`, text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && strings.IndexByte(quotes, c) >= 0:
			quote = c
		case quote == 0 && strings.IndexByte(end, c) >= 0:
			return b.String(), text[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// notOwnWords are the blocks of nginx that hold values in the place of
// statements.
var notOwnWords = []string{"map", "geo", "split_clients", "types", "charset_map"}

// nginxStatements reads what ends with ; or begins a block
// (src/core/ngx_conf_file.c).
func nginxStatements(text string) [][]string {
	var all [][]string
	var statement []string
	depth, values := 0, 0 // of blocks; of the one that holds values, if any
	for text != "" {
		switch c := text[0]; {
		case strings.IndexByte(blank, c) >= 0:
			text = text[1:]
		case c == '#':
			_, text, _ = strings.Cut(text, "\n")
		case strings.IndexByte(";{}", c) >= 0:
			text = text[1:]
			if len(statement) > 0 && values == 0 {
				all = append(all, statement)
			}
			switch c {
			case '{':
				depth++
				if len(statement) > 0 && strings.HasSuffix(statement[0], "_by_lua_block") {
					text, depth = afterBlock(text), depth-1
				} else if values == 0 && len(statement) > 0 && slices.Contains(notOwnWords, statement[0]) {
					values = depth
				}
			case '}':
				if depth == values {
					values = 0
				}
				depth--
			}
			statement = nil
		default:
			var word string
			word, text = nginxWord(text)
			statement = append(statement, word)
		}
	}
	return all
}

// nginxWord takes the first word off a text; in ${name} the braces belong to it.
func nginxWord(text string) (word, rest string) {
	if strings.IndexByte(`"'`, text[0]) >= 0 {
		return next(text, text[:1], blank+";{")
	}
	var b strings.Builder
	for {
		word, text = next(text, "", blank+";{")
		b.WriteString(word)
		if !strings.HasSuffix(word, "$") || !strings.HasPrefix(text, "{") {
			return b.String(), text
		}
		b.WriteByte('{')
		text = text[1:]
	}
}

// afterBlock is what follows the } of a block that has begun.
func afterBlock(text string) string {
	for i, depth := 0, 1; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[i+1:]
			}
		}
	}
	return ""
}

// haproxyStatements finds each crt and crt-list, wherever in a line they
// stand. crt-base is put before the paths that follow it.
func haproxyStatements(text string) [][]string {
	var all [][]string
	base := ""
	for line := range strings.Lines(text) {
		words := lines{quotes: `"'`}.words(line)
		for i := 0; i+1 < len(words); i++ {
			switch path := words[i+1]; words[i] {
			case "crt-base":
				base = path
			case "crt":
				if base != "" && !strings.HasPrefix(path, "/") {
					path = strings.TrimSuffix(base, "/") + "/" + path
				}
				all = append(all, []string{"crt", path})
			case "crt-list":
				all = append(all, []string{"crt-list", path})
			}
		}
	}
	return all
}

// haproxyList reads the file of a crt-list, of a certificate a line.
func haproxyList(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if words := (lines{quotes: `"'`}).words(line); len(words) > 0 {
			all = append(all, []string{"crt", words[0]})
		}
	}
	return all
}

var (
	traefikComment = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	traefikPath    = regexp.MustCompile(`(?im)(?:^|[\s{,-])["']?(certfile|storage|filename|directory)["']?\s*[:=]\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s,}\]"']+))`)
)

// traefikStatements finds the paths in its YAML or TOML, by their keys alone.
func traefikStatements(text string) [][]string {
	var all [][]string
	for _, m := range traefikPath.FindAllStringSubmatch(traefikComment.ReplaceAllString(text, "$1"), -1) {
		all = append(all, []string{strings.ToLower(m[1]), m[2] + m[3] + m[4]})
	}
	return all
}

var masterOption = regexp.MustCompile(`(?m)\s(smtpd_tls_\w+)\s*=\s*([^\s}]+)`)

// masterStatements finds what Postfix's master.cf sets for one of its services.
func masterStatements(text string) [][]string {
	var all [][]string
	for _, m := range masterOption.FindAllStringSubmatch(wholeComment.ReplaceAllString(text, ""), -1) {
		all = append(all, append([]string{m[1]}, lines{between: ","}.words(m[2])...))
	}
	return all
}

// dovecotStatements takes the < off the names of files. A setting of a
// certificate without it has the certificate itself.
func dovecotStatements(text string) [][]string {
	all := lines{quotes: `"'`}.statements(text)
	for i, s := range all {
		if s[0] != "ssl_cert" && s[0] != "ssl_alt_cert" {
			continue
		}
		path, ok := strings.CutPrefix(strings.Join(s[1:], " "), "<")
		all[i] = []string{s[0]}
		if ok {
			all[i] = append(all[i], strings.Trim(path, blank))
		}
	}
	return all
}

// ldifStatements reads attributes and values (RFC 2849).
func ldifStatements(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n ", "")) {
		name, value, ok := strings.Cut(strings.TrimRight(line, blank), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if encoded, is := strings.CutPrefix(value, ":"); is {
			decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
			if err != nil {
				continue
			}
			value = string(decoded)
		}
		all = append(all, []string{strings.ToLower(name), strings.TrimLeft(value, blank)})
	}
	return all
}
