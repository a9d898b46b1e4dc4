package jq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// A Query is a compiled expression. It may be run from several goroutines.
type Query struct{ code *gojq.Code }

// ErrTooMany is returned by All when the expression emits more values than it
// may.
var ErrTooMany = errors.New("it emits too many values")

// banned are the words that would reach out of the document, or write.
func banned() []string {
	return []string{"env", "$ENV", "input", "inputs", "debug", "stderr", "input_filename", "$__loc__", "halt", "halt_error", "now", "mktime", "localtime"}
}

// Compile reads an expression. The error says in one line what is wrong.
func Compile(text string) (*Query, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("is empty; write a jq expression, as .health.body.status")
	}
	parsed, err := gojq.Parse(text)
	if err != nil {
		return nil, words(text, err)
	}
	if len(parsed.Imports) > 0 || parsed.Meta != nil {
		return nil, errors.New("jq: import and include are not allowed; write the definition out")
	}
	for _, word := range banned() {
		if uses(parsed.String(), word) {
			return nil, fmt.Errorf("jq: %s is not allowed: an expression sees the answers and nothing else", word)
		}
	}
	options := functions()
	for _, word := range banned() {
		if !strings.HasPrefix(word, "$") {
			options = append(options, refuse(word))
		}
	}
	code, err := gojq.Compile(parsed, options...)
	if err != nil {
		return nil, fmt.Errorf("jq: %s", oneLine(err.Error()))
	}
	return &Query{code: code}, nil
}

// refuse puts a function that fails in the place of one that must not be
// called, whatever way it is.
func refuse(name string) gojq.CompilerOption {
	return gojq.WithFunction(name, 0, 1, func(any, []any) any { return fmt.Errorf("%s is not allowed", name) })
}

// uses tells whether a word stands in an expression, outside of texts and not
// as a key.
func uses(text, word string) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case quoted || !strings.HasPrefix(text[i:], word):
		case i > 0 && (isWord(text[i-1]) || text[i-1] == '.' || text[i-1] == '$'):
		case i+len(word) < len(text) && (isWord(text[i+len(word)]) || text[i+len(word)] == ':'):
		default:
			return true
		}
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// words tells a parser's error with its place.
func words(text string, err error) error {
	var wrong *gojq.ParseError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("jq: %s", oneLine(err.Error()))
	}
	if wrong.Token == "" || wrong.Offset > len(text) {
		return errors.New("jq: the expression ends too early; a bracket, a quote or an operand is missing")
	}
	return fmt.Errorf("jq: unexpected %s at character %d", strconv.Quote(wrong.Token), max(1, wrong.Offset-len(wrong.Token)+1))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// First returns the first value that the expression emits for a document, nil
// where that is null or there is none. The document must be made of what
// encoding/json makes, and may be shared.
func (q *Query) First(ctx context.Context, document any) (any, error) {
	value, ok := q.code.RunWithContext(ctx, document).Next()
	if !ok {
		return nil, nil
	}
	if err, failed := value.(error); failed {
		return nil, told(err)
	}
	return value, nil
}

// All returns what the expression emits, at most limit values. Past that it
// returns the first ones with ErrTooMany.
func (q *Query) All(ctx context.Context, document any, limit int) ([]any, error) {
	var values []any
	for iter := q.code.RunWithContext(ctx, document); ; {
		value, ok := iter.Next()
		if !ok {
			return values, nil
		}
		if err, failed := value.(error); failed {
			return values, told(err)
		}
		if len(values) == limit {
			return values, ErrTooMany
		}
		values = append(values, value)
	}
}

// told keeps the values out of an error: they come from a stranger, and may be
// anybody's data.
func told(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("the expression does not end: %w", err)
	}
	return errors.New("the expression does not fit the answer")
}
