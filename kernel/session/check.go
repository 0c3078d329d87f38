package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A checked cell has been parsed and type-checked; lower turns it into a package for the compiler.
type checked struct {
	chunks  []chunk
	file    string // name of the cell in positions
	source  string // the cell
	text    []byte // the file that was checked: the chunks, with declarations around the statements
	fset    *token.FileSet
	tokFile *token.File
	ast     *ast.File
	info    *types.Info
	pkg     *types.Package
	imports []importSpec
	body    *ast.BlockStmt // the statements

	explicit map[string]string // imports that the cell itself writes, name -> path

	unused  []token.Pos             // variables in functions and blocks that Go would refuse
	old     map[string]*entry       // names of the session that x := f(x) reads while it declares a new x
	aliases map[types.Object]*entry // what stands for them
	used    map[*entry]token.Pos    // session names that the cell uses, with one use
}

type importSpec struct{ name, path string }

const runName = "ωˍRun"

// cellPackagePath is the package that every cell is linked with.
const cellPackagePath = "goalgap/kernel/worker/cell"

// oldPrefix marks the earlier variable of the same name on the right of x := f(x).
const oldPrefix = "ωˍold_"

// check parses and type-checks a cell against the session's names.
func (s *Session) check(ctx context.Context, source, file string) (*checked, error) {
	source = s.withoutMagics(source)
	chunks, err := split(source)
	if err != nil {
		return nil, err
	}
	analyse(chunks)
	carried, err := s.carry(chunks)
	if err != nil {
		return nil, err
	}
	chunks = append(chunks, carried...)
	// Some things are known only when the types are: which names stand for packages, that v := f() leaves out an error
	// to be checked, that x := x + 1 reads an earlier x. Each pass settles at least one of them, so the loop ends.
	p := newPasses()
	for {
		c := &checked{chunks: slices.Clone(chunks), file: file, source: source, old: map[string]*entry{},
			aliases: map[types.Object]*entry{}, used: map[*entry]token.Pos{}}
		again, err := s.checkOnce(ctx, c, p)
		if err != nil || !again {
			return c, err
		}
	}
}

// passes is what the passes of the type checker have found out for the next one.
type passes struct {
	auto    []importSpec
	earlier map[int]string // offset in the cell of a name that means what the name was before the cell declares it
	// Calls f() in v := f(), v = f() and var v = f() with one result more than there are variables, an error, which is
	// checked and left out: offset in the cell -> offset of its end.
	unwrap map[int]int
	values map[int]int // how many values such a call leaves
}

func newPasses() *passes {
	return &passes{earlier: map[int]string{}, unwrap: map[int]int{}, values: map[int]int{}}
}

func (s *Session) checkOnce(ctx context.Context, c *checked, p *passes) (again bool, err error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	imports, err := s.explicitImports(ctx, c)
	if err != nil {
		return false, err
	}
	imports = append(imports, p.auto...)
	s.mark(c, p)
	c.build(imports)
	if err := c.parse(); err != nil {
		return false, err
	}
	c.imports = imports
	paths := []string{cellPackagePath}
	for _, im := range imports {
		paths = append(paths, im.path)
	}
	if err := s.tools.ensure(ctx, paths); err != nil {
		return false, err
	}

	c.pkg = types.NewPackage("main", "main")
	own := declaredNames(c.ast.Decls)
	for _, im := range imports {
		own[im.name] = true
	}
	s.insertNames(c, own)
	c.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Implicits: map[ast.Node]types.Object{},
		Instances: map[*ast.Ident]types.Instance{},
	}
	var problems []types.Error
	config := types.Config{
		Importer: s.importer, DisableUnusedImportCheck: true, GoVersion: language(s.tools.version),
		Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) {
				problems = append(problems, e)
			}
		},
	}
	types.NewChecker(&config, c.fset, c.pkg, c.info).Files([]*ast.File{c.ast})

	last := c.lastExpression()
	var list ErrorList
	for _, e := range problems {
		switch {
		case strings.HasPrefix(e.Msg, "declared and not used"):
			c.unused = append(c.unused, e.Pos)
		case strings.HasPrefix(e.Msg, "initialization cycle") && !c.hasInvalidVariable():
			// Statements run in their order here, so a function may use a variable that is set later.
		case strings.HasPrefix(e.Msg, "implicit assignment to unexported field") && strings.Contains(e.Msg, " of type main."):
			// The type is another cell's; to its user all cells are one package.
		case strings.HasSuffix(e.Msg, "is not used") && (last != nil && last.Pos() <= e.Pos && e.Pos < last.End() || c.silencedAt(e.Pos)):
			// The value is shown, or a semicolon says that it should not be.
		case (strings.HasPrefix(e.Msg, "assignment mismatch") || strings.HasPrefix(e.Msg, "multiple-value")) && c.unwraps(e.Pos, p):
			again = true
		case strings.HasPrefix(e.Msg, "undefined: "):
			name := strings.TrimPrefix(e.Msg, "undefined: ")
			found, err := s.autoImport(ctx, c, p, name)
			if err != nil {
				return false, err
			}
			if found {
				again = true
				continue
			}
			if strings.HasPrefix(name, oldPrefix) {
				e.Msg += " (it is declared further down in this cell)"
			}
			list = append(list, c.sourceError(e.Pos, e.Msg))
		default:
			if e.Msg != "" && !strings.HasPrefix(e.Msg, "\t") {
				list = append(list, c.sourceError(e.Pos, e.Msg))
			} else if len(list) > 0 {
				list[len(list)-1].Msg += "\n" + e.Msg
			}
		}
	}
	if s.findEarlier(c, p) {
		again = true
	}
	if again {
		return true, nil
	}
	if len(list) > 0 {
		return false, list
	}
	for id, obj := range c.info.Uses {
		if e := s.entryOf(c, obj); e != nil {
			if _, ok := c.used[e]; !ok {
				c.used[e] = id.Pos()
			}
		}
	}
	return false, nil
}

// build writes the file to check: imports, then each chunk under a line directive, statements inside one function.
func (c *checked) build(imports []importSpec) {
	var b bytes.Buffer
	writeImports(&b, imports)
	for i := range c.chunks {
		ch := &c.chunks[i]
		switch {
		case ch.kind == declChunk || ch.kind == varChunk:
			ch.from = b.Len()
			fmt.Fprintf(&b, "//line %s:%d:%d\n", c.fileOf(ch), ch.line, ch.col)
			ch.start = b.Len()
			b.WriteString(ch.text)
			b.WriteString("\n")
		case ch.define != nil && ch.define.declares():
			d := ch.define
			ch.from = b.Len()
			b.WriteString("var ")
			// The names that are new are declared; others are assigned below.
			if d.plain() {
				fmt.Fprintf(&b, "/*line %s:%d:%d*/", c.file, ch.line, ch.col)
				ch.start = b.Len()
				b.WriteString(ch.text[:d.tokOff] + " =" + ch.text[d.tokOff+2:] + "\n")
			} else {
				// The left side is written anew, so only the right side keeps its place.
				b.WriteString(strings.Join(d.checkNames(i), ", ") + " = ")
				line, col := advance(ch.line, ch.col, ch.text[:d.tokOff+2])
				fmt.Fprintf(&b, "/*line %s:%d:%d*/", c.file, line, col)
				ch.start = b.Len() - (d.tokOff + 2)
				b.WriteString(ch.text[d.tokOff+2:] + "\n")
			}
		}
	}
	fmt.Fprintf(&b, "func %s() {\n", runName)
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.kind != stmtChunk {
			continue
		}
		if d := ch.define; d != nil && d.declares() {
			for j, n := range d.names {
				if n != "_" && !d.fresh[j] {
					fmt.Fprintf(&b, "//line %s:%d:%d\n%s = %s\n", c.file, ch.line, ch.col, n, d.checkNames(i)[j])
				}
			}
			continue
		}
		ch.from = b.Len()
		fmt.Fprintf(&b, "//line %s:%d:%d\n", c.file, ch.line, ch.col)
		ch.start = b.Len()
		text := ch.text
		if d := ch.define; d != nil {
			text = text[:d.tokOff] + " =" + text[d.tokOff+2:]
		}
		if ch.values {
			fmt.Fprintf(&b, "ωˍcell.Show(/*line %s:%d:%d*/", c.file, ch.line, ch.col)
			ch.start = b.Len()
			text += ")"
		}
		b.WriteString(text)
		b.WriteString("\n")
	}
	b.WriteString("}\n")
	c.text = b.Bytes()
}

// fileOf is the file name of a chunk in positions.
func (c *checked) fileOf(ch *chunk) string {
	if ch.file != "" {
		return ch.file
	}
	return c.file
}

// declares reports whether the statement declares a variable rather than only assigning to earlier ones.
func (d *define) declares() bool {
	return slices.Contains(d.fresh, true) || allBlank(d.names)
}

// plain reports whether a, b := e can be checked as var a, b = e.
func (d *define) plain() bool {
	for j, n := range d.names {
		if n != "_" && !d.fresh[j] {
			return false
		}
	}
	return true
}

// checkNames is the left side of the var declaration that stands for the statement of chunk i.
func (d *define) checkNames(i int) []string {
	names := slices.Clone(d.names)
	for j := range names {
		if names[j] != "_" && !d.fresh[j] {
			names[j] = fmt.Sprintf("ωˍset%d_%d", i, j)
		}
	}
	return names
}

func writeImports(b *bytes.Buffer, imports []importSpec) {
	fmt.Fprintf(b, "package main\nimport ωˍcell %q\n", cellPackagePath)
	for _, im := range imports {
		fmt.Fprintf(b, "import %s %q\n", im.name, im.path)
	}
}

func advance(line, col int, text string) (int, int) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		return line + strings.Count(text, "\n"), len(text) - i
	}
	return line, col + len(text)
}

func (c *checked) parse() error {
	c.fset = token.NewFileSet()
	f, err := parser.ParseFile(c.fset, "", c.text, parser.ParseComments)
	if err != nil {
		var list scanner.ErrorList
		if !errors.As(err, &list) {
			return err
		}
		lastLine := 1
		for _, ch := range c.chunks {
			if ch.file != "" {
				continue
			}
			l, _ := advance(ch.line, ch.col, ch.text)
			lastLine = max(lastLine, l)
		}
		e := list[0] // what follows the first mistake is noise
		line := e.Pos.Line
		if e.Pos.Filename != c.file || line > lastLine {
			line = lastLine
		}
		return ErrorList{{Line: line, Col: e.Pos.Column, Msg: "syntax error: " + e.Msg}}
	}
	c.ast = f
	c.tokFile = c.fset.File(f.Pos())
	for _, d := range f.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && fd.Name.Name == runName {
			c.body = fd.Body
		}
	}
	for _, group := range f.Comments {
		for _, comment := range group.List {
			// The go command would hand the files to the compiler; without it the variable would stay empty.
			if strings.HasPrefix(comment.Text, "//go:embed ") {
				return ErrorList{c.sourceError(comment.Pos(), "cells cannot embed files: read them with os.ReadFile, or embed them in a package")}
			}
		}
	}
	return nil
}

func (c *checked) offset(p token.Pos) int { return c.tokFile.Offset(p) }

func (c *checked) sourceError(p token.Pos, msg string) *SourceError {
	pos := c.fset.Position(p)
	msg = strings.ReplaceAll(strings.ReplaceAll(msg, oldPrefix, ""), c.file+":", "line ")
	e := &SourceError{Line: pos.Line, Col: pos.Column, Msg: msg}
	if ch := c.chunkAt(c.offset(p)); ch != nil {
		e.file = ch.file
	}
	return e
}

// sourceOffset returns where in the cell a position of the checked file lies, -1 if it is not of the user's text.
func (c *checked) sourceOffset(p token.Pos) int {
	pos := c.fset.Position(p)
	if pos.Filename != c.file {
		return -1
	}
	off := 0
	for range pos.Line - 1 {
		i := strings.IndexByte(c.source[off:], '\n')
		if i < 0 {
			return -1
		}
		off += i + 1
	}
	return off + pos.Column - 1
}

// silencedAt reports whether a position lies in a statement behind which a semicolon was typed.
func (c *checked) silencedAt(p token.Pos) bool {
	ch := c.chunkAt(c.offset(p))
	return ch != nil && ch.kind == stmtChunk && ch.silenced
}

// chunkAt returns the chunk that covers an offset of the checked file.
func (c *checked) chunkAt(offset int) *chunk {
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.kind != importChunk && ch.from <= offset && offset < ch.start+len(ch.text) {
			return ch
		}
	}
	return nil
}

// insertNames makes the session's names visible in the cell's package, unless the cell declares them anew. The checker
// sees all cells as one package main, so its rules and messages are those of a Go program in one file.
//
// Types are put into a scope around that of the package: the checker looks for the declaration of every type that it finds in
// the package's own, and those of earlier cells are not in the file.
func (s *Session) insertNames(c *checked, own map[string]bool) {
	around := types.NewScope(types.Universe, token.NoPos, token.NoPos, "session")
	enclose(c.pkg.Scope(), around)
	insert := func(o types.Object) {
		if isType(o) {
			around.Insert(o)
		} else {
			c.pkg.Scope().Insert(o)
		}
	}
	for name, e := range s.names {
		if !own[name] {
			insert(e.obj)
		}
	}
	for name, e := range c.old {
		var o types.Object
		switch v := e.obj.(type) {
		case *types.Var:
			o = types.NewVar(token.NoPos, v.Pkg(), oldPrefix+name, v.Type())
		case *types.Const:
			o = types.NewConst(token.NoPos, v.Pkg(), oldPrefix+name, v.Type(), v.Val())
		case *types.Func:
			o = types.NewFunc(token.NoPos, v.Pkg(), oldPrefix+name, v.Signature())
		case *types.TypeName:
			o = types.NewTypeName(token.NoPos, v.Pkg(), oldPrefix+name, v.Type())
		}
		insert(o)
		c.aliases[o] = e
	}
}

// enclose makes a scope the parent of that of a new package, which go/types always puts directly into Universe.
func enclose(scope, around *types.Scope) {
	parent := reflect.ValueOf(scope).Elem().FieldByName("parent")
	*(**types.Scope)(parent.Addr().UnsafePointer()) = around
}

// entryOf returns the name of the session that an object stands for, nil if the cell itself declares it.
func (s *Session) entryOf(c *checked, o types.Object) *entry {
	if e := c.aliases[o]; e != nil {
		return e
	}
	return s.byObject[o]
}

// hasInvalidVariable reports whether the checker could not find out the type of a variable of the cell.
func (c *checked) hasInvalidVariable() bool {
	for _, o := range c.info.Defs {
		if v, ok := o.(*types.Var); ok && v.Parent() == c.pkg.Scope() && v.Type() == types.Typ[types.Invalid] {
			return true
		}
	}
	return false
}

// lastExpression returns the last statement's expression, if the cell ends with one that is not silenced.
func (c *checked) lastExpression() ast.Expr {
	n := len(c.chunks)
	for n > 0 && c.chunks[n-1].file != "" {
		n--
	}
	if n == 0 || len(c.body.List) == 0 {
		return nil
	}
	last := &c.chunks[n-1]
	if last.kind != stmtChunk || last.define != nil || last.silenced {
		return nil
	}
	e, ok := c.body.List[len(c.body.List)-1].(*ast.ExprStmt)
	if !ok || c.chunkAt(c.offset(e.Pos())) != last {
		return nil
	}
	return e.X
}

// unwraps recognises v := f(), v = f() and var v = f() where f has one result more, an error, and notes the call.
func (c *checked) unwraps(at token.Pos, p *passes) bool {
	variables, value := c.assignment(at)
	call, ok := value.(*ast.CallExpr)
	if !ok || variables < 1 || variables > maxUnwrap {
		return false
	}
	results, ok := c.info.Types[call].Type.(*types.Tuple)
	if !ok {
		if sig, isFunc := c.info.Types[call.Fun].Type.(*types.Signature); isFunc {
			results, ok = sig.Results(), true
		}
	}
	if !ok || results.Len() != variables+1 || !isError(results.At(variables).Type()) {
		return false
	}
	from, to := c.sourceOffset(call.Pos()), c.sourceOffset(call.End()-1)+1
	if from < 0 || to <= from || p.unwrap[from] != 0 {
		return false
	}
	p.unwrap[from], p.values[from] = to, variables
	return true
}

// maxUnwrap is how many results a call can have besides the error that is checked and left out.
const maxUnwrap = 4

// assignment returns the number of variables and the only value of the assignment or declaration at the top level of the
// cell in which a position lies.
func (c *checked) assignment(at token.Pos) (variables int, value ast.Expr) {
	inside := func(n ast.Node) bool { return n.Pos() <= at && at < n.End() }
	for _, d := range c.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && inside(g) {
			for _, s := range g.Specs {
				if v := s.(*ast.ValueSpec); inside(v) && len(v.Values) == 1 {
					return len(v.Names), v.Values[0]
				}
			}
		}
	}
	for _, st := range c.body.List {
		if a, ok := st.(*ast.AssignStmt); ok && inside(a) && a.Tok == token.ASSIGN && len(a.Rhs) == 1 {
			return len(a.Lhs), a.Rhs[0]
		}
	}
	return 0, nil
}

var errorType = types.Universe.Lookup("error").Type()

func isError(t types.Type) bool { return types.Identical(t, errorType) }

func isType(o types.Object) bool {
	_, ok := o.(*types.TypeName)
	return ok
}

func isVar(o types.Object) bool {
	_, ok := o.(*types.Var)
	return ok
}

// ErrorList is what the parser and the type checker found wrong in a cell.
type ErrorList []*SourceError

func (l ErrorList) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(e.Error())
	}
	return b.String()
}
