package celcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
)

const (
	// maxCost bounds how much work one judgement may be, in CEL's own units: a
	// document with ten thousand entries is within it.
	maxCost = 1_000_000
	// maxTime bounds one judgement where its context does not.
	maxTime = 5 * time.Second
	// checkEvery is after how many steps of a loop the context is looked at.
	checkEvery = 100
)

// An Expression is compiled and ready. It may be used from several goroutines.
type Expression struct {
	text    string
	program cel.Program
}

// environment is what expressions are compiled in; making one is dear.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("body", cel.DynType))
})

// Compile reads an expression that is true or false. Its error says in one line
// what is wrong with it.
func Compile(text string) (*Expression, error) {
	e, kind, err := compile(text)
	if err == nil && !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it gives a %s, and must give true or false", kind)
	}
	return e, err
}

// CompileText reads an expression whose result is a text or a number. Its error
// is as Compile's.
func CompileText(text string) (*Expression, error) {
	e, kind, err := compile(text)
	if err == nil && !slices.ContainsFunc([]*cel.Type{cel.StringType, cel.IntType, cel.UintType, cel.DoubleType, cel.DynType}, kind.IsExactType) {
		return nil, fmt.Errorf("it gives a %s, and must give a text or a number", kind)
	}
	return e, err
}

func compile(text string) (*Expression, *cel.Type, error) {
	env, err := environment()
	if err != nil {
		return nil, nil, err
	}
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, nil, errors.New(firstLine(err))
	}
	program, err := env.Program(ast, cel.InterruptCheckFrequency(checkEvery), cel.CostLimit(maxCost))
	if err != nil {
		return nil, nil, err
	}
	return &Expression{text: text, program: program}, ast.OutputType(), nil
}

// firstLine is what CEL says first, without the place in a file that there is
// not.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(strings.TrimPrefix(line, "ERROR: "), "<input>:")
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.text }

// Match tells whether the expression is true of a document. An error says that
// the document is no JSON, or has not what the expression asks for.
func (e *Expression) Match(ctx context.Context, document []byte) (bool, error) {
	result, err := e.eval(ctx, document)
	if err != nil {
		return false, err
	}
	is, ok := result.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%q is neither true nor false, but a %s", e.text, result.Type().TypeName())
	}
	return is, nil
}

// Text returns what the expression gives of a document, a whole number without
// a fraction. An error is as Match's.
func (e *Expression) Text(ctx context.Context, document []byte) (string, error) {
	result, err := e.eval(ctx, document)
	if err != nil {
		return "", err
	}
	switch v := result.Value().(type) {
	case string:
		return v, nil
	case float64: // all numbers of JSON
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case int64, uint64:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("%q is neither a text nor a number, but a %s", e.text, result.Type().TypeName())
}

func (e *Expression) eval(ctx context.Context, document []byte) (ref.Val, error) {
	var body any
	if err := json.Unmarshal(document, &body); err != nil {
		return nil, fmt.Errorf("the body is no JSON: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	result, _, err := e.program.ContextEval(ctx, map[string]any{"body": body})
	if err != nil {
		return nil, fmt.Errorf("%q cannot be judged: %s", e.text, firstLine(err))
	}
	return result, nil
}
