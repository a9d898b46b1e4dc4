package celcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
)

const (
	// maxCost bounds how much work one judgement may be, in CEL's own units: a
	// document with ten thousand entries is within it.
	maxCost = 10_000_000
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

// Compile reads an expression. Its error says in one line what is wrong with it.
func Compile(text string) (*Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, errors.New(firstLine(err))
	}
	if kind := ast.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it gives a %s, and must give true or false", kind)
	}
	program, err := env.Program(ast, cel.InterruptCheckFrequency(checkEvery), cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
	}
	return &Expression{text: text, program: program}, nil
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
	var body any
	if err := json.Unmarshal(document, &body); err != nil {
		return false, fmt.Errorf("the body is no JSON: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	result, _, err := e.program.ContextEval(ctx, map[string]any{"body": body})
	if err != nil {
		return false, fmt.Errorf("%q cannot be judged: %s", e.text, firstLine(err))
	}
	is, ok := result.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%q is neither true nor false, but a %s", e.text, result.Type().TypeName())
	}
	return is, nil
}
