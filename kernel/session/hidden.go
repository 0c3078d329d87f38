package session

import (
	"go/ast"
	"go/types"
)

// A package may hand out values of a type that it does not export: binary.LittleEndian, http.NoBody. A variable for one can
// be declared without the type's name, from a value, but only where there is one. So the cell that declares the variable
// exports a pointer to it, whose type later cells need not name either; there the variable is what the pointer leads to.

// hiddenPrefix marks the pointer to a variable whose type has no name.
const hiddenPrefix = "ωˍhidden_"

// hidden reports whether a package-level variable has a type that no cell can name.
func (l *lowering) hidden(v *types.Var) bool { return l.unspellable(v.Type()) != "" }

// hiddenValue returns the value that declares variable i of a specification, if its type is hidden and the value can be
// had without doing anything: the compiler finds out the type from it, before the cell runs.
func (l *lowering) hiddenValue(v *ast.ValueSpec, i int, o types.Object) ast.Expr {
	if obj, ok := o.(*types.Var); !ok || !l.hidden(obj) || v.Type != nil || len(v.Values) != len(v.Names) || !l.inert(v.Values[i]) {
		return nil
	}
	return v.Values[i]
}

// inert reports whether an expression only names a variable or constant, or a field of one.
func (l *lowering) inert(x ast.Expr) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		switch o := l.info.Uses[x].(type) {
		case *types.Var:
			return o.Parent() == o.Pkg().Scope() || l.session.entryOf(l.checked, o) != nil
		case *types.Const:
			return true
		}
	case *ast.SelectorExpr:
		if s := l.info.Selections[x]; s != nil {
			_, pointer := l.info.Types[x.X].Type.Underlying().(*types.Pointer)
			return s.Kind() == types.FieldVal && !pointer && l.inert(x.X)
		}
		return l.inert(x.Sel)
	}
	return false
}

// reachHidden lets an earlier cell's variable of a hidden type be reached through its pointer.
func (l *lowering) reachHidden(id *ast.Ident) {
	v, ok := l.info.Uses[id].(*types.Var)
	if !ok || v.IsField() {
		return
	}
	if e := l.session.entryOf(l.checked, v); e != nil && e.cell != nil && l.hidden(v) {
		l.edit(id.Pos(), id.End(), "(*"+hiddenPrefix+id.Name+")")
	}
}
