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
	source = s.withoutMagics(s.namesInGo(source, cursor))
	tokens := scan(source)
	if path := importPathAt(tokens, cursor); path != nil && (cursor < path.to || len(path.text) == 1 || path.text[len(path.text)-1] != path.text[0]) {
		return beginning(source[path.from+1:cursor], s.tools.importPaths()), path.from + 1, cursor
	}
	for _, l := range tokens {
		if l.from < cursor && cursor < l.to && (l.token == token.STRING || l.token == token.CHAR || l.token == token.COMMENT) ||
			cursor == l.to && l.token == token.COMMENT && strings.HasPrefix(l.text, "//") {
			return nil, cursor, cursor
		}
	}
	start, end = cursor, cursor
	for start > 0 {
		r, n := utf8.DecodeLastRuneInString(source[:start])
		if !identifierRune(r) {
			break
		}
		start -= n
	}
	prefix := source[start:end]
	if prefix != "" && unicode.IsDigit([]rune(prefix)[0]) {
		return nil, start, end
	}
	var names map[string]bool
	if before := strings.TrimRight(source[:start], " \t"); strings.HasSuffix(before, ".") {
		names = s.members(source[:len(before)-1], source[cursor:])
	} else if fields := beginning(prefix, s.literalFields(source, start)); fields != nil && prefix == "" {
		return fields, start, end
	} else {
		names = s.visibleNames(source, start)
		for _, f := range fields {
			names[f] = true
		}
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

// namesInGo takes the command away from a line like %doc NAME in which the cursor stands: what follows it is Go.
func (s *Session) namesInGo(source string, cursor int) string {
	for _, p := range s.cut(source) {
		if p.kind == linePart && p.from <= cursor && cursor <= p.to && slices.Contains([]string{"doc", "del"}, p.name) {
			end := p.from + strings.Index(source[p.from:p.to], p.name) + len(p.name)
			return source[:p.from] + strings.Repeat(" ", end-p.from) + source[end:]
		}
	}
	return source
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
	for n, path := range s.imports {
		if pkg, err := s.importer.Import(path); err == nil && strings.HasPrefix(n, dotImport) {
			addExported(names, pkg)
		}
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
		var packages []*types.Package
		if p, ok := c.info.Uses[id].(*types.PkgName); ok {
			packages = []*types.Package{p.Imported()}
		} else if c.info.Uses[id] == nil && c.info.Defs[id] == nil {
			packages = s.packagesNamed(id.Name)
		}
		for _, pkg := range packages {
			addExported(names, pkg)
		}
		if packages != nil {
			return names
		}
	}
	if tv, ok := c.info.Types[e]; ok && tv.Type != nil {
		addMembers(names, tv.Type, map[types.Type]bool{})
	}
	return names
}

func addExported(names map[string]bool, pkg *types.Package) {
	for _, n := range pkg.Scope().Names() {
		if token.IsExported(n) {
			names[n] = true
		}
	}
}

// typedExpression checks a cell as far as it can be checked, and returns the expression that ends where before ends. If
// the whole is no Go yet, it tries less: the cell up to there, then the expression's line alone.
func (s *Session) typedExpression(before, after string) (ast.Expr, *checked) {
	line := before[strings.LastIndexAny(before, "\n;{}=(,")+1:]
	for _, source := range []string{before + after, closed(before), line} {
		c := s.typed(source)
		if c == nil {
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

// typed checks a cell as far as it can be checked; nil if it cannot be parsed.
func (s *Session) typed(source string) *checked {
	chunks, err := split(source)
	if err != nil {
		return nil
	}
	analyse(chunks)
	p := newPasses()
	for {
		c := &checked{chunks: slices.Clone(chunks), file: "cell", source: source, old: map[string]*entry{},
			aliases: map[types.Object]*entry{}, used: map[*entry]token.Pos{}}
		again, _ := s.checkOnce(context.Background(), c, p) // what is wrong elsewhere does not matter
		switch {
		case again:
		case c.info == nil:
			return nil
		default:
			return c
		}
	}
}

// literalFields returns the fields that can be named at an offset, if it stands in a literal of a struct type where a
// field's name can begin.
func (s *Session) literalFields(source string, at int) []string {
	brace := -1 // of the literal
	var open []lexeme
	var last lexeme
	for _, l := range scan(source[:at]) {
		switch l.token {
		case token.COMMENT:
			continue
		case token.LPAREN, token.LBRACK, token.LBRACE:
			open = append(open, l)
		case token.RPAREN, token.RBRACK, token.RBRACE:
			open = open[:max(len(open)-1, 0)]
		}
		last = l
	}
	if len(open) > 0 && open[len(open)-1].token == token.LBRACE && (last.token == token.LBRACE || last.token == token.COMMA) {
		brace = open[len(open)-1].from
	}
	if brace < 0 {
		return nil
	}
	c := s.typed(closed(source[:at]))
	if c == nil {
		return nil
	}
	var fields []string
	ast.Inspect(c.ast, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || c.sourceOffset(literal.Lbrace) != brace {
			return true
		}
		t := c.info.Types[literal].Type
		if t == nil {
			return false
		}
		st, ok := dereference(t).Underlying().(*types.Struct)
		if !ok {
			return false
		}
		used := map[string]bool{}
		for _, e := range literal.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				if id, ok := pair.Key.(*ast.Ident); ok {
					used[id.Name] = true
				}
			}
		}
		for f := range st.Fields() {
			if (f.Exported() || isCell(f.Pkg())) && !used[f.Name()] && f.Name() != "_" {
				fields = append(fields, f.Name())
			}
		}
		return false
	})
	return fields
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
