package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
)

// editTree makes all edits inside the user's text.
func (l *lowering) editTree() {
	unused := map[token.Pos]bool{}
	for _, p := range l.unused {
		unused[p] = true
	}
	var path []ast.Node
	declared := map[*ast.StructType]bool{}
	ast.Inspect(l.ast, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		switch n := n.(type) {
		case *ast.ForStmt:
			l.insert(n.Body.Lbrace+1, loopCheck)
		case *ast.RangeStmt:
			l.insert(n.Body.Lbrace+1, loopCheck)
		case *ast.BranchStmt:
			if n.Tok == token.GOTO {
				l.insert(n.Pos(), "ωˍcell.Check(); ")
			}
		case *ast.FuncDecl:
			if n.Body != nil && n.Body != l.body {
				l.function(n.Body)
			}
		case *ast.FuncLit:
			l.function(n.Body)
		case *ast.Ident:
			if unused[n.Pos()] {
				l.useVariable(n, path)
			}
			l.methodName(n)
			l.redirect(n, path)
			l.reachHidden(n)
			l.dotImported(n, path)
			if name := original(n.Name); name != n.Name && l.reused[name] != nil {
				l.edit(n.Pos(), n.End(), name) // the earlier variable and the declared one are the same
			}
		case *ast.SelectorExpr:
			if s := l.info.Selections[n]; s != nil && s.Kind() == types.FieldVal {
				l.field(n, s)
			}
		case *ast.CompositeLit:
			l.literal(n)
		case *ast.CallExpr:
			l.conversion(n)
			l.sleep(n)
			l.subtest(n)
		case *ast.BlockStmt:
			if n != l.body {
				l.turn(n.List)
			}
		case *ast.CaseClause:
			l.turn(n.Body)
		case *ast.CommClause:
			l.turn(n.Body)
		case *ast.SelectStmt:
			if len(n.Body.List) == 0 {
				l.edit(n.Pos(), n.End(), "panic(ωˍcell.Forever())")
			}
		case *ast.TypeSpec:
			if st, ok := n.Type.(*ast.StructType); ok && !n.Assign.IsValid() {
				declared[st] = true
			}
		case *ast.StructType:
			if !declared[n] {
				l.structType(n)
			}
		}
		return true
	})
}

// dotImported qualifies a name that the cell has by import . "path": the compiled cell imports the package under a name,
// as the compiler would refuse the import where nothing is used.
func (l *lowering) dotImported(id *ast.Ident, path []ast.Node) {
	o := l.info.Uses[id]
	if o == nil || o.Pkg() == nil || isCell(o.Pkg()) || o.Parent() != o.Pkg().Scope() || o.Pkg().Path() == cellPackagePath {
		return
	}
	if sel, ok := path[len(path)-2].(*ast.SelectorExpr); ok && sel.Sel == id {
		return
	}
	name, ok := l.imports[o.Pkg().Path()]
	if !ok {
		name = fmt.Sprintf(reservedLower+"import%d", len(l.imports))
		l.imports[o.Pkg().Path()] = name
	}
	l.insert(id.Pos(), name+".")
}

// The interrupt check of a loop looks at a flag whose address the function around it holds.
const (
	loopFlag  = "ωˍstop := ωˍcell.Flag(); "
	loopCheck = "if *ωˍstop != 0 { ωˍcell.Stop(ωˍstop) }; "
)

// function puts an interrupt check into a function that could recurse, and at its head what the checks of its loops need.
// The check stands before the first statement with a call that could lead back here: calls that end the recursion do
// without it.
func (l *lowering) function(body *ast.BlockStmt) {
	for _, st := range body.List {
		if l.canRecurse(st) {
			l.insert(st.Pos(), "ωˍcell.Check(); ")
			break
		}
	}
	if hasLoop(body) {
		l.insert(body.Lbrace+1, loopFlag)
	}
}

// sleep lets an interrupt end time.Sleep.
func (l *lowering) sleep(call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if f, ok := l.info.Uses[sel.Sel].(*types.Func); ok && f.FullName() == "time.Sleep" {
		l.edit(sel.Pos(), sel.End(), "ωˍcell.Sleep")
	}
}

// subtest keeps what panics in a subtest, which has a goroutine of its own, from taking the process along.
func (l *lowering) subtest(call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 2 {
		return
	}
	switch f, _ := l.info.Uses[sel.Sel].(*types.Func); {
	case f == nil:
	case f.FullName() == "(*testing.T).Run", f.FullName() == "(*testing.B).Run":
		l.insert(call.Args[1].Pos(), "ωˍcell.Subtest(")
		l.insert(call.Args[1].End(), ")")
	}
}

// hasLoop reports whether a function has loops of its own, those of function literals inside it not counted.
func hasLoop(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ForStmt, *ast.RangeStmt:
			found = true
		}
		return !found
	})
	return found
}

// canRecurse reports whether a statement could lead to a recursion: it calls something that a cell defines, a function
// value or an interface's method. Others need no check.
func (l *lowering) canRecurse(body ast.Node) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok || found {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		fun := ast.Unparen(call.Fun)
		if ix, ok := fun.(*ast.IndexExpr); ok {
			fun = ix.X
		}
		var id *ast.Ident
		switch f := fun.(type) {
		case *ast.Ident:
			id = f
		case *ast.SelectorExpr:
			id = f.Sel
		default:
			if tv := l.info.Types[call.Fun]; !tv.IsType() {
				found = true
			}
			return true
		}
		switch o := l.info.Uses[id].(type) {
		case *types.Func:
			if o.Pkg() != nil && o.Pkg().Path() == "main" {
				found = true
			} else if r := o.Signature().Recv(); r != nil && types.IsInterface(r.Type()) {
				found = true
			}
		case *types.Var:
			found = true
		}
		return true
	})
	return found
}

// useVariable adds a use of a local variable that has none.
func (l *lowering) useVariable(id *ast.Ident, path []ast.Node) {
	text := "_ = " + id.Name
	for i := len(path) - 2; i >= 0; i-- {
		child := path[i+1]
		switch p := path[i].(type) {
		case *ast.BlockStmt:
			l.insertAfter(child.End(), "; "+text)
			return
		case *ast.CaseClause:
			l.insertAfter(child.End(), "; "+text)
			return
		case *ast.CommClause:
			if child == p.Comm {
				l.insert(p.Colon+1, text+"; ")
			} else {
				l.insertAfter(child.End(), "; "+text)
			}
			return
		case *ast.IfStmt:
			l.insert(p.Body.Lbrace+1, text+"; ")
			return
		case *ast.ForStmt:
			l.insert(p.Body.Lbrace+1, text+"; ")
			return
		case *ast.RangeStmt:
			l.insert(p.Body.Lbrace+1, text+"; ")
			return
		case *ast.SwitchStmt:
			l.useInClauses(p.Body, text)
			return
		case *ast.TypeSwitchStmt:
			l.useInClauses(p.Body, text)
			return
		}
	}
}

func (l *lowering) useInClauses(body *ast.BlockStmt, text string) {
	if len(body.List) == 0 {
		l.insert(body.Lbrace+1, "default: "+text)
		return
	}
	for _, s := range body.List {
		if c, ok := s.(*ast.CaseClause); ok {
			l.insert(c.Colon+1, text+"; ")
		}
	}
}

// methodName gives unexported methods of cells a spelling that every cell shares, so that a later cell's type can
// satisfy an earlier cell's interface.
func (l *lowering) methodName(id *ast.Ident) {
	obj := l.info.Defs[id]
	if obj == nil {
		obj = l.info.Uses[id]
	}
	f, ok := obj.(*types.Func)
	if !ok || f.Exported() || f.Pkg() == nil || f.Pkg().Path() != "main" || f.Signature().Recv() == nil || id.Name == "_" {
		return
	}
	l.edit(id.Pos(), id.End(), methodSpelling(f))
}

// methodSpelling is the name of a method in compiled cells.
func methodSpelling(f *types.Func) string {
	if f.Exported() || !isCell(f.Pkg()) || f.Name() == "_" {
		return f.Name()
	}
	return methodPrefix + f.Name()
}

// redirect lets a function of the cell call another one through the variable that holds the present definition of that
// one, so that a later cell can define it anew. A function calls itself directly: whoever called it had the present one.
func (l *lowering) redirect(id *ast.Ident, path []ast.Node) {
	f, ok := l.info.Uses[id].(*types.Func)
	if !ok || !l.isOwn(f) || f.Signature().Recv() != nil || f.Signature().TypeParams().Len() > 0 {
		return
	}
	switch decl, isFunc := path[1].(*ast.FuncDecl); {
	case !isFunc && !inLiteral(path): // the value of a variable
		return
	case isFunc && (decl.Body == l.body && !inLiteral(path) || l.info.Defs[decl.Name] == f):
		return
	}
	l.edit(id.Pos(), id.End(), l.slotName(f))
}

func inLiteral(path []ast.Node) bool {
	return slices.ContainsFunc(path, func(n ast.Node) bool {
		_, ok := n.(*ast.FuncLit)
		return ok
	})
}

const methodPrefix = "Ωˍmethod_"

// foreign reports whether a field of a struct type, t or what t is defined as, is an unexported one that another cell
// declared.
func (l *lowering) foreign(t types.Type, f *types.Var) bool {
	if f.Exported() || !isCell(f.Pkg()) {
		return false
	}
	if st, ok := types.Unalias(t).(*types.Struct); ok {
		if h := l.home(st); h != nil {
			return true
		}
	}
	return f.Pkg() != l.pkg && l.session.cellOf[f.Pkg()] != nil
}

// field lets x.f reach an unexported field of another cell's type, through a pointer to a type of the same layout.
func (l *lowering) field(e *ast.SelectorExpr, s *types.Selection) {
	if _, ok := s.Obj().(*types.Var); !ok || !l.reachesForeign(s) {
		return
	}
	prefix, suffix := "", ""
	addressable := l.info.Types[e.X].Addressable()
	t := s.Recv()
	for _, i := range s.Index() {
		pointer := false
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t, pointer = p.Elem(), true
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return
		}
		f := st.Field(i)
		if !l.foreign(t, f) {
			suffix += "." + f.Name()
			addressable = addressable || pointer
			t = f.Type()
			continue
		}
		shadow := l.shadow(st, e.Pos())
		switch {
		case pointer:
			prefix = fmt.Sprintf("(*%s)(ωˍunsafe.Pointer(%s", shadow, prefix)
			suffix += "))"
		case addressable:
			prefix = fmt.Sprintf("(*%s)(ωˍunsafe.Pointer(&%s", shadow, prefix)
			suffix += "))"
		default:
			prefix = fmt.Sprintf("(*%s)(ωˍunsafe.Pointer(ωˍcell.Addr(%s", shadow, prefix)
			suffix += ")))"
		}
		suffix += ".Ωˍ" + f.Name()
		addressable = true
		t = f.Type()
	}
	l.insert(e.X.Pos(), prefix)
	l.edit(e.X.End(), e.End(), suffix)
}

// reachesForeign reports whether one of the fields on the way to the selected one cannot be named here.
func (l *lowering) reachesForeign(s *types.Selection) bool {
	t := s.Recv()
	for _, i := range s.Index() {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return false
		}
		if l.foreign(t, st.Field(i)) {
			return true
		}
		t = st.Field(i).Type()
	}
	return false
}

// literal lets a composite literal set unexported fields of another cell's type.
func (l *lowering) literal(lit *ast.CompositeLit) {
	tv, ok := l.info.Types[lit]
	if !ok || len(lit.Elts) == 0 {
		return
	}
	t, pointer := tv.Type, false
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t, pointer = p.Elem(), true
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	needed := false
	var keys []*ast.Ident
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				keys = append(keys, key)
				if f, ok := l.info.Uses[key].(*types.Var); ok && l.foreign(t, f) {
					needed = true
				}
			}
		} else if i < st.NumFields() && l.foreign(t, st.Field(i)) {
			needed = true
		}
	}
	if !needed {
		return
	}
	for _, k := range keys {
		l.edit(k.Pos(), k.End(), "Ωˍ"+k.Name)
	}
	name, shadow := l.spell(t, lit.Pos()), l.shadow(st, lit.Pos())
	if pointer {
		l.edit(lit.Pos(), lit.Lbrace, fmt.Sprintf("(*%s)(ωˍunsafe.Pointer(&%s", name, shadow))
		l.insertAfter(lit.Rbrace+1, "))")
		return
	}
	l.edit(lit.Pos(), lit.Lbrace, fmt.Sprintf("(*(*%s)(ωˍunsafe.Pointer(&%s", name, shadow))
	l.insertAfter(lit.Rbrace+1, ")))")
}

// conversion lets T(x) convert between struct types with unexported fields of different cells, which the compiler takes
// for different fields.
func (l *lowering) conversion(call *ast.CallExpr) {
	if len(call.Args) != 1 || !l.info.Types[call.Fun].IsType() {
		return
	}
	to, from := l.info.Types[call].Type, l.info.Types[call.Args[0]].Type
	pointer := false
	if p, ok := to.Underlying().(*types.Pointer); ok {
		q, ok := from.Underlying().(*types.Pointer)
		if !ok {
			return
		}
		to, from, pointer = p.Elem(), q.Elem(), true
	}
	if types.Identical(to, from) || !l.hasForeign(to) && !l.hasForeign(from) {
		return
	}
	for _, t := range []types.Type{to, from} {
		if _, ok := t.Underlying().(*types.Struct); !ok {
			return
		}
	}
	if pointer {
		l.insert(call.Lparen+1, reservedLower+"unsafe.Pointer(")
		l.insertAfter(call.Rparen, ")")
		return
	}
	l.insert(call.Pos(), "(*(*")
	l.insertAfter(call.Fun.End(), ")("+reservedLower+"unsafe.Pointer("+reservedLower+"cell.Addr")
	l.insertAfter(call.Rparen+1, ")))")
}

// hasForeign reports whether t is a struct type with a field that cannot be named here.
func (l *lowering) hasForeign(t types.Type) bool {
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if l.foreign(t, f) {
			return true
		}
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
