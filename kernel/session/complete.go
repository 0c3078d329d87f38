package session

import (
	"cmp"
	"context"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"log"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Completions offers what could stand at the cursor of a cell that is being typed. cursor, start and end are byte offsets;
// the matches, sorted, replace source[start:end]. They are names of the session and of the cell, keywords, predeclared
// names and packages, or behind a dot the members of a package, and the fields and methods of a value.
func (s *Session) Completions(source string, cursor int) (matches []string, start, end int) {
	s.run.Lock()
	defer s.run.Unlock()
	defer func() {
		if p := recover(); p != nil { // half-written code can be stranger than the checker expects
			log.Printf("goalgap: completing: %v", p)
		}
	}()
	cursor = min(max(cursor, 0), len(source))
	if matches, start, end, ok := s.magicCompletions(source, cursor); ok {
		return matches, start, end
	}
	source = s.withoutMagics(source)
	start, end = cursor, cursor
	for start > 0 {
		r, n := utf8.DecodeLastRuneInString(source[:start])
		if !identifierRune(r) {
			break
		}
		start -= n
	}
	prefix := source[start:end]
	var names map[string]bool
	if before := strings.TrimRight(source[:start], " \t"); strings.HasSuffix(before, ".") {
		names = s.members(source[:len(before)-1], source[cursor:])
	} else {
		names = s.visibleNames(source, start)
	}
	for n := range names {
		if strings.HasPrefix(n, prefix) && n != "_" {
			matches = append(matches, n)
		}
	}
	slices.SortFunc(matches, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	})
	return matches, start, end
}

func identifierRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// visibleNames returns everything that an identifier can begin with: exactness about scopes is not worth a compiler here.
func (s *Session) visibleNames(source string, at int) map[string]bool {
	names := map[string]bool{}
	for t := token.BREAK; t <= token.VAR; t++ {
		names[t.String()] = true
	}
	for _, n := range types.Universe.Names() {
		names[n] = true
	}
	for n := range s.names {
		names[n] = true
	}
	for n := range s.imports {
		names[n] = !strings.HasPrefix(n, blankImport) && !strings.HasPrefix(n, dotImport)
	}
	for n := range standardPackages {
		names[n] = true
	}
	s.tools.mu.Lock()
	for n := range s.tools.byName {
		names[n] = true
	}
	s.tools.mu.Unlock()
	// What the cell itself names, but for what is being typed.
	var sc scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	sc.Init(file, []byte(source), func(token.Position, string) {}, 0)
	for {
		p, t, lit := sc.Scan()
		if t == token.EOF {
			break
		}
		if t == token.IDENT && file.Offset(p) != at {
			names[lit] = true
		}
	}
	maps.DeleteFunc(names, func(_ string, ok bool) bool { return !ok })
	return names
}

// members returns what can follow the dot behind the text before. after is the rest of the cell.
func (s *Session) members(before, after string) map[string]bool {
	names := map[string]bool{}
	e, c := s.typedExpression(before, after)
	if e == nil {
		return names
	}
	if id, ok := e.(*ast.Ident); ok {
		var pkg *types.Package
		if p, ok := c.info.Uses[id].(*types.PkgName); ok {
			pkg = p.Imported()
		} else if c.info.Uses[id] == nil && c.info.Defs[id] == nil {
			pkg = s.packageNamed(id.Name)
		}
		if pkg != nil {
			for _, n := range pkg.Scope().Names() {
				if token.IsExported(n) {
					names[n] = true
				}
			}
			return names
		}
	}
	if tv, ok := c.info.Types[e]; ok && tv.Type != nil {
		addMembers(names, tv.Type, map[types.Type]bool{})
	}
	return names
}

// packageNamed loads the package that a cell would get under a name without importing it, nil if there is none.
func (s *Session) packageNamed(name string) *types.Package {
	for _, path := range s.tools.candidates(name) {
		if s.tools.ensure(context.Background(), []string{path}) != nil {
			continue
		}
		if pkg, err := s.importer.Import(path); err == nil {
			return pkg
		}
	}
	return nil
}

// typedExpression checks a cell as far as it can be checked, and returns the expression that ends where before ends. If
// the whole is no Go yet, it tries less: the cell up to there, then the expression's line alone.
func (s *Session) typedExpression(before, after string) (ast.Expr, *checked) {
	line := before[strings.LastIndexAny(before, "\n;{}=(,")+1:]
	for _, source := range []string{before + after, before, line} {
		chunks, err := split(source)
		if err != nil {
			continue
		}
		analyse(chunks)
		p := newPasses()
		var c *checked
		for again := true; again; {
			c = &checked{chunks: slices.Clone(chunks), file: "cell", source: source, old: map[string]*entry{},
				aliases: map[types.Object]*entry{}, used: map[*entry]token.Pos{}}
			again, _ = s.checkOnce(context.Background(), c, p) // what is wrong elsewhere does not matter
		}
		if c.info == nil {
			continue
		}
		end := len(before)
		if source == line {
			end = len(line)
		}
		var found ast.Expr
		ast.Inspect(c.ast, func(n ast.Node) bool {
			switch e := n.(type) {
			case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.ParenExpr, *ast.CompositeLit, *ast.TypeAssertExpr,
				*ast.SliceExpr, *ast.BasicLit:
				if found == nil && c.sourceOffset(n.End()-1) == end-1 {
					found = e.(ast.Expr)
				}
			}
			return true
		})
		if found != nil {
			return found, c
		}
	}
	return nil, nil
}

// addMembers adds the fields and methods of a type, promoted ones included.
func addMembers(names map[string]bool, t types.Type, seen map[types.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	add := func(o types.Object) {
		if o.Exported() || isCell(o.Pkg()) {
			names[o.Name()] = true
		}
	}
	base := t
	if p, ok := t.Underlying().(*types.Pointer); ok {
		base = p.Elem()
	}
	set := types.NewMethodSet(t)
	if _, ok := base.Underlying().(*types.Interface); !ok {
		set = types.NewMethodSet(types.NewPointer(base))
	}
	for i := range set.Len() {
		add(set.At(i).Obj())
	}
	if st, ok := base.Underlying().(*types.Struct); ok {
		for f := range st.Fields() {
			add(f)
			if f.Embedded() {
				addMembers(names, f.Type(), seen)
			}
		}
	}
}
