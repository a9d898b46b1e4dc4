package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A source is one Go file of the tree, parsed.
type source struct {
	path   string // slash-separated, from the root: exporters/host/cpu.go
	syntax *ast.File
	files  *token.FileSet
	lines  int
}

// folder returns the source's folder, which is its package's import path
// without the module.
func (s source) folder() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// test tells whether the file is a test's.
func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// forTests tells whether the file's package serves tests only: its rules are
// those of tests.
func (s source) forTests() bool {
	return s.test() || strings.HasSuffix(s.folder(), "test") || s.folder() == "internal/testenv"
}

// imports returns the import paths of the file, with the names given to them.
func (s source) imports() map[string]string {
	paths := map[string]string{}
	for _, spec := range s.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the compiler tells
		}
		name := ""
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[path] = name
	}
	return paths
}

// tree parses all Go files of the product: not those of the tools, whose
// module is another, and not the data of tests.
func tree(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var sources []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path == root {
				return nil
			}
			if strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "bin" || name == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s, err := parse(path, filepath.ToSlash(relative))
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 10 {
		t.Fatalf("only %d Go files found under %s: this test looks in the wrong place", len(sources), root)
	}
	return sources
}

func parse(path, relative string) (source, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, path, content, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	return source{path: relative, syntax: syntax, files: files, lines: strings.Count(string(content), "\n")}, nil
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above this package")
		}
		dir = parent
	}
}
