package layers

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

const (
	// longestFile is where a file has stopped telling one story.
	longestFile = 400
	// longestMain is the same for main.go, which has no logic.
	longestMain = 120
)

// longFiles are the files that may be longer, each with its reason.
var longFiles = map[string]string{}

// emptyNames are package names that say nothing about what is inside, so
// that everything ends up there.
var emptyNames = []string{"util", "utils", "helper", "helpers", "common", "misc", "types", "base", "model", "models", "shared", "lib"}

// blankImports are the imports without a name that may be, each with its
// reason.
var blankImports = map[string]string{
	"embed": "go:embed asks for it",
}

func TestFiles_stayShort(t *testing.T) {
	for _, s := range tree(t) {
		limit := longestFile
		if s.path == "cmd/tocsin/main.go" {
			limit = longestMain
		}
		_, excused := longFiles[s.path]
		if s.lines > limit && !s.test() && !excused && !ast.IsGenerated(s.syntax) {
			t.Errorf("%s has %d lines, the limit is %d: a file tells one story. Split it by what it tells", s.path, s.lines, limit)
		}
		if s.lines <= limit && excused {
			t.Errorf("%s is short enough now: strike it from longFiles", s.path)
		}
	}
}

func TestPackages_haveSpeakingNames(t *testing.T) {
	for _, s := range tree(t) {
		if name := s.syntax.Name.Name; slices.Contains(emptyNames, strings.TrimSuffix(name, "_test")) {
			t.Errorf("%s: package %s says nothing about what is inside. Name it after what it holds", s.path, name)
		}
	}
}

func TestPackages_haveOneComment(t *testing.T) {
	comments, seen := map[string][]string{}, map[string]bool{}
	for _, s := range tree(t) {
		if s.test() {
			continue
		}
		seen[s.folder()] = true
		if s.syntax.Doc != nil {
			comments[s.folder()] = append(comments[s.folder()], s.path)
		}
	}
	for folder := range seen {
		switch files := comments[folder]; len(files) {
		case 1:
		case 0:
			t.Errorf("package %s has no comment: begin its doc.go with what it is for, and what it is not", folder)
		default:
			t.Errorf("package %s is explained in %v: let one file do it", folder, files)
		}
	}
}

func TestCode_hasNoInit(t *testing.T) {
	for _, s := range tree(t) {
		for _, declaration := range s.syntax.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init runs before main can say no, in every test, and cannot be undone. Call a function from where it is needed",
					s.files.Position(f.Pos()))
			}
		}
	}
}

func TestImports_areNeverBlank(t *testing.T) {
	for _, s := range tree(t) {
		if s.forTests() {
			continue
		}
		for path, name := range s.imports() {
			if _, excused := blankImports[path]; name == "_" && !excused {
				t.Errorf("%s imports %s for its side effects: what exists is listed in the code, not registered behind it", s.path, path)
			}
		}
	}
}
