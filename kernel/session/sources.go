package session

import (
	"bytes"
	"fmt"
	"go/ast"
	gobuild "go/build"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// sources holds the parsed files of packages that somebody asked about. The type checker reads packages in their compiled
// form, which has neither comments nor text, but says where each name is declared.
type sources struct {
	folders map[string]*sourceFolder
}

// A sourceFolder is the folder of a package.
type sourceFolder struct {
	stamp string // names, sizes and times of its files
	fset  *token.FileSet
	text  map[string][]byte
	files map[string]*ast.File
}

// folder parses a package, unless it is known and unchanged; nil if there is none.
func (s *sources) folder(dir string) *sourceFolder {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var stamp strings.Builder
	var names []string
	for _, e := range entries {
		n := e.Name()
		if !strings.HasSuffix(n, ".go") || strings.HasSuffix(n, "_test.go") {
			continue
		}
		if info, err := e.Info(); err == nil {
			names = append(names, n)
			fmt.Fprintln(&stamp, n, info.Size(), info.ModTime().UnixNano())
		}
	}
	if f := s.folders[dir]; f != nil && f.stamp == stamp.String() {
		return f
	}
	f := &sourceFolder{stamp: stamp.String(), fset: token.NewFileSet(), text: map[string][]byte{}, files: map[string]*ast.File{}}
	for _, n := range names {
		if ok, err := gobuild.Default.MatchFile(dir, n); err != nil || !ok && filepath.Base(dir) != "builtin" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			continue
		}
		// What can be parsed of a file that somebody is editing is better than nothing.
		if file, _ := parser.ParseFile(f.fset, n, text, parser.ParseComments|parser.SkipObjectResolution); file != nil {
			f.files[n], f.text[n] = file, text
		}
	}
	if s.folders == nil {
		s.folders = map[string]*sourceFolder{}
	}
	s.folders[dir] = f
	return f
}

// packageComment returns the package's comment.
func (f *sourceFolder) packageComment() string {
	best := ""
	for _, file := range f.files {
		if doc := file.Doc.Text(); len(doc) > len(best) {
			best = doc
		}
	}
	return best
}

// find returns the declaration of a name. Its line is that of the compiled package, and can be wrong if the file was
// edited since; then any declaration of the name in the file will do.
func (f *sourceFolder) find(file string, line int, name string) (written, bool) {
	for _, exactly := range []bool{true, false} {
		for n, parsed := range f.files {
			if file != "" && n != file {
				continue
			}
			w, ok := findDeclared(parsed.Decls, f.fset, f.text[n], func(id *ast.Ident) bool {
				return id.Name == name && (!exactly || f.fset.Position(id.Pos()).Line == line)
			})
			if ok {
				return w, true
			}
		}
	}
	return written{}, false
}

// written is a declaration as it stands in a file.
type written struct {
	doc  string // its comment
	text string // without the comment above it
}

// findDeclared looks for the declaration of a function, method, type, variable, constant, field or method of an interface
// whose name matches.
func findDeclared(decls []ast.Decl, fset *token.FileSet, text []byte, match func(*ast.Ident) bool) (w written, found bool) {
	cut := func(n ast.Node) string {
		from, to := fset.PositionFor(n.Pos(), false).Offset, fset.PositionFor(n.End(), false).Offset
		if from < 0 || to > len(text) || from > to {
			return ""
		}
		return string(text[from:to])
	}
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if match(d.Name) {
				return written{d.Doc.Text(), cut(d)}, true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				var names []*ast.Ident
				var comments []*ast.CommentGroup
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names, comments = []*ast.Ident{spec.Name}, []*ast.CommentGroup{spec.Doc, spec.Comment, d.Doc}
				case *ast.ValueSpec:
					names, comments = spec.Names, []*ast.CommentGroup{spec.Doc, spec.Comment, d.Doc}
				}
				for _, id := range names {
					if !match(id) {
						continue
					}
					w.text = d.Tok.String() + " " + cut(spec)
					if !d.Lparen.IsValid() {
						w.text = cut(d)
					}
					w.doc = firstComment(comments...)
					return w, true
				}
				if t, ok := spec.(*ast.TypeSpec); ok {
					if w, ok := findMember(t.Type, cut, match); ok {
						return w, true
					}
				}
			}
		}
	}
	return written{}, false
}

// findMember looks for a field, or a method of an interface.
func findMember(t ast.Expr, cut func(ast.Node) string, match func(*ast.Ident) bool) (w written, found bool) {
	ast.Inspect(t, func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok || found {
			return !found
		}
		for _, id := range f.Names {
			if match(id) {
				w, found = written{firstComment(f.Doc, f.Comment), cut(f)}, true
			}
		}
		return !found
	})
	return w, found
}

func firstComment(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := g.Text(); text != "" {
			return text
		}
	}
	return ""
}

// exportedPart leaves out what a type's declaration has for its own package only.
func exportedPart(declaration string) string {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", fragmentHead+declaration+"\n", parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || !ast.FileExports(f) || len(f.Decls) != 1 {
		return declaration
	}
	var b bytes.Buffer
	if err := format.Node(&b, fset, f.Decls[0]); err != nil {
		return declaration
	}
	return b.String()
}

// importPaths returns the packages that a cell can import by their whole path.
func (t *Toolchain) importPaths() []string {
	paths := standardPaths(t.goRoot())
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, list := range t.byName {
		paths = append(paths, list...)
	}
	for p := range t.export {
		if !internalPath(p) && !strings.HasPrefix(p, "goalgap/kernel/") {
			paths = append(paths, p)
		}
	}
	return paths
}

var standardLists sync.Map // of packages, by the folder of the Go distribution

// standardPaths lists the packages of the standard library.
func standardPaths(root string) []string {
	if list, ok := standardLists.Load(root); ok {
		return slices.Clone(list.([]string))
	}
	var list []string
	base := filepath.Join(root, "src")
	filepath.WalkDir(base, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		switch name := e.Name(); {
		case e.IsDir() && path != base && (name == "internal" || name == "vendor" || name == "testdata" || name == "cmd" || name == "builtin"):
			return filepath.SkipDir
		case !e.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			if p, err := filepath.Rel(base, filepath.Dir(path)); err == nil && (len(list) == 0 || list[len(list)-1] != filepath.ToSlash(p)) {
				list = append(list, filepath.ToSlash(p))
			}
		}
		return nil
	})
	standardLists.Store(root, slices.Clone(list))
	return list
}
