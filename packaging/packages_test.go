package packaging

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// essential Debian packages are on every machine.
var essential = []string{"bash", "coreutils", "dash", "util-linux"}

// TestPackages_haveAllThatTestsAskFor finds each testenv.Program and
// testenv.File call of the tree: the package that it names must be one that make test installs.
func TestPackages_haveAllThatTestsAskFor(t *testing.T) {
	listed := listedPackages(t)
	asked := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		// What testenv asks for in its own tests does not exist.
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "testenv_test.go") {
			return nil
		}
		for _, name := range askedPackages(t, path) {
			asked++
			if !slices.Contains(listed, name) && !slices.Contains(essential, name) {
				t.Errorf("%s asks for %s, which test-packages.txt does not have", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked == 0 {
		t.Error("no call of testenv.Program was found: this test looks in the wrong place")
	}
}

func listedPackages(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("test-packages.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range bytes.Lines(content) {
		before, _, _ := bytes.Cut(line, []byte("#"))
		names = append(names, strings.Fields(string(before))...)
	}
	return names
}

// askedPackages returns the third argument of each such call in a file.
func askedPackages(t *testing.T, path string) []string {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for node := range ast.Preorder(syntax) {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			continue
		}
		called := ""
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			called = f.Sel.Name
		case *ast.Ident:
			called = f.Name
		}
		literal, ok := call.Args[2].(*ast.BasicLit)
		if called != "Program" && called != "File" || !ok {
			continue
		}
		name, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}
