package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// spell writes a type as the cell's package can name it: types of other cells by their exported alias, types of other
// packages by an import of the preamble. Types that cannot be named are an error at p.
func (l *lowering) spell(t types.Type, p token.Pos) string {
	if bad := l.unspellable(t); bad != "" {
		l.fail(p, "a session variable or function cannot have the type %s, which has no name outside %s; declare it with an interface type, or use the value where it is needed", types.TypeString(t, nil), bad)
		return "any"
	}
	var b strings.Builder
	l.writeType(&b, t)
	return b.String()
}

func (l *lowering) writeType(b *strings.Builder, t types.Type) {
	switch t := t.(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			b.WriteString(reservedLower + "unsafe.Pointer")
			return
		}
		b.WriteString(l.predeclared(t.Name()))
	case *types.Alias:
		if t.Obj().Pkg() == nil { // any
			b.WriteString("interface{}")
			return
		}
		l.writeName(b, t.Obj(), t.TypeArgs())
	case *types.Named:
		l.writeName(b, t.Obj(), t.TypeArgs())
	case *types.TypeParam:
		b.WriteString(t.Obj().Name())
	case *types.Pointer:
		b.WriteString("*")
		l.writeType(b, t.Elem())
	case *types.Slice:
		b.WriteString("[]")
		l.writeType(b, t.Elem())
	case *types.Array:
		fmt.Fprintf(b, "[%d]", t.Len())
		l.writeType(b, t.Elem())
	case *types.Map:
		b.WriteString("map[")
		l.writeType(b, t.Key())
		b.WriteString("]")
		l.writeType(b, t.Elem())
	case *types.Chan:
		b.WriteString(map[types.ChanDir]string{types.SendRecv: "chan (", types.SendOnly: "chan<- (", types.RecvOnly: "<-chan ("}[t.Dir()])
		l.writeType(b, t.Elem())
		b.WriteString(")")
	case *types.Signature:
		b.WriteString("func")
		l.writeSignature(b, t)
	case *types.Struct:
		l.writeStruct(b, t)
	case *types.Interface:
		b.WriteString("interface{ ")
		for m := range t.ExplicitMethods() {
			b.WriteString(methodSpelling(m))
			l.writeSignature(b, m.Signature())
			b.WriteString("; ")
		}
		for e := range t.EmbeddedTypes() {
			l.writeType(b, e)
			b.WriteString("; ")
		}
		b.WriteString("}")
	case *types.Union:
		for i := range t.Len() {
			if i > 0 {
				b.WriteString(" | ")
			}
			if t.Term(i).Tilde() {
				b.WriteString("~")
			}
			l.writeType(b, t.Term(i).Type())
		}
	}
}

// predeclared spells the name of a predeclared type, which the cell may have given to something else.
func (l *lowering) predeclared(name string) string {
	if l.pkg.Scope().Lookup(name) == nil && l.session.names[name] == nil && !l.localNames()[name] {
		return name
	}
	return reservedLower + "cell." + strings.ToUpper(name[:1]) + name[1:]
}

// localNames returns the names that the cell declares anywhere.
func (l *lowering) localNames() map[string]bool {
	if l.locals == nil {
		l.locals = map[string]bool{}
		for id := range l.info.Defs {
			l.locals[id.Name] = true
		}
	}
	return l.locals
}

func (l *lowering) writeName(b *strings.Builder, o *types.TypeName, args *types.TypeList) {
	pkg := o.Pkg()
	switch {
	case pkg == nil && o.Name() == "error":
		b.WriteString(l.predeclared("error"))
	case pkg == nil || pkg == l.pkg:
		b.WriteString(o.Name())
	case l.session.cellOf[pkg] != nil:
		b.WriteString(l.use(l.session.cellOf[pkg]) + "." + reservedUpper + o.Name())
	default:
		name, ok := l.imports[pkg.Path()]
		if !ok {
			name = fmt.Sprintf(reservedLower+"import%d", len(l.imports))
			l.imports[pkg.Path()] = name
		}
		b.WriteString(name + "." + o.Name())
	}
	l.writeArgs(b, args)
}

func (l *lowering) writeArgs(b *strings.Builder, args *types.TypeList) {
	if args.Len() == 0 {
		return
	}
	b.WriteString("[")
	for i := range args.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		l.writeType(b, args.At(i))
	}
	b.WriteString("]")
}

// writeSignature writes parameters and results.
func (l *lowering) writeSignature(b *strings.Builder, s *types.Signature) {
	b.WriteString("(")
	for i := range s.Params().Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		t := s.Params().At(i).Type()
		if sl, ok := t.(*types.Slice); ok && s.Variadic() && i == s.Params().Len()-1 {
			b.WriteString("...")
			t = sl.Elem()
		}
		l.writeType(b, t)
	}
	b.WriteString(") (")
	for i := range s.Results().Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		l.writeType(b, s.Results().At(i).Type())
	}
	b.WriteString(")")
}

// writeStruct writes a struct type. One with unexported fields is a type of the package that writes it; if an earlier
// cell has written it, the type is that cell's.
func (l *lowering) writeStruct(b *strings.Builder, t *types.Struct) {
	if h := l.home(t); h != nil {
		b.WriteString(l.use(h.cell) + "." + h.name)
		return
	}
	b.WriteString("struct{ ")
	for i := range t.NumFields() {
		f := t.Field(i)
		if f.Embedded() {
			l.writeEmbedded(b, f.Type())
		} else {
			b.WriteString(f.Name() + " ")
			l.writeType(b, f.Type())
		}
		if tag := t.Tag(i); tag != "" {
			fmt.Fprintf(b, " %q", tag)
		}
		b.WriteString("; ")
	}
	b.WriteString("}")
}

// writeEmbedded writes an embedded field, whose name is that of its type: a cell's type stands under its own name, which
// the preamble declares.
func (l *lowering) writeEmbedded(b *strings.Builder, t types.Type) {
	if p, ok := t.(*types.Pointer); ok {
		b.WriteString("*")
		t = p.Elem()
	}
	var o *types.TypeName
	var args *types.TypeList
	switch t := t.(type) {
	case *types.Named:
		o, args = t.Obj(), t.TypeArgs()
	case *types.Alias:
		o, args = t.Obj(), t.TypeArgs()
	default:
		l.writeType(b, t)
		return
	}
	e := l.session.byObject[o]
	if e == nil {
		l.writeName(b, o, args)
		return
	}
	l.used[e] = l.body.Pos()
	b.WriteString(o.Name())
	l.writeArgs(b, args)
}

// A structHome is where a struct type without a name, but with unexported fields, was first written. The compiler takes
// the same text in another package for another type; so later cells name the first one.
type structHome struct {
	t    *types.Struct
	cell *cellPackage
	name string
}

// home returns the earlier cell's type that is identical to an unnamed struct type.
func (l *lowering) home(t *types.Struct) *structHome {
	for i := range l.session.structs {
		if h := &l.session.structs[i]; types.Identical(h.t, t) {
			return h
		}
	}
	return nil
}

// structType finds the home of a struct type that the cell writes, or makes the cell its home.
func (l *lowering) structType(n *ast.StructType) {
	t, ok := l.info.Types[n].Type.(*types.Struct)
	if !ok || !hasUnexported(t) || mentionsTypeParameter(t) || l.unspellable(t) != "" {
		return
	}
	if h := l.home(t); h != nil {
		l.edit(n.Pos(), n.End(), l.use(h.cell)+"."+h.name)
		return
	}
	for _, h := range l.structs {
		if types.Identical(h.t, t) {
			return
		}
	}
	l.structs = append(l.structs, structHome{t: t, name: fmt.Sprintf("%sstruct%d", reservedUpper, len(l.structs))})
}

func hasUnexported(t *types.Struct) bool {
	for f := range t.Fields() {
		if !f.Exported() {
			return true
		}
	}
	return false
}

// mentionsTypeParameter reports whether a type depends on a type parameter.
func mentionsTypeParameter(t types.Type) bool {
	return walkTypes(t, func(t types.Type) bool {
		_, ok := t.(*types.TypeParam)
		return ok
	})
}

// walkTypes reports whether found holds for a type or for one that it is written with.
func walkTypes(t types.Type, found func(types.Type) bool) bool {
	if found(t) {
		return true
	}
	walk := func(t types.Type) bool { return walkTypes(t, found) }
	list := func(args *types.TypeList) bool {
		for t := range args.Types() {
			if walk(t) {
				return true
			}
		}
		return false
	}
	switch t := t.(type) {
	case *types.Named:
		return list(t.TypeArgs())
	case *types.Alias:
		return list(t.TypeArgs())
	case *types.Pointer:
		return walk(t.Elem())
	case *types.Slice:
		return walk(t.Elem())
	case *types.Array:
		return walk(t.Elem())
	case *types.Chan:
		return walk(t.Elem())
	case *types.Map:
		return walk(t.Key()) || walk(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			if walk(f.Type()) {
				return true
			}
		}
	case *types.Tuple:
		for v := range t.Variables() {
			if walk(v.Type()) {
				return true
			}
		}
	case *types.Signature:
		return walk(t.Params()) || walk(t.Results())
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			if walk(m.Signature()) {
				return true
			}
		}
		for e := range t.EmbeddedTypes() {
			if walk(e) {
				return true
			}
		}
	case *types.Union:
		for i := range t.Len() {
			if walk(t.Term(i).Type()) {
				return true
			}
		}
	}
	return false
}

// isCell reports whether a package is that of a cell.
func isCell(p *types.Package) bool { return p != nil && p.Path() == "main" }

// unspellable returns where a type that cannot be named is at home, or "" if t can be named.
func (l *lowering) unspellable(t types.Type) (home string) {
	walkTypes(t, func(t types.Type) bool {
		switch t := t.(type) {
		case *types.Named:
			home = l.homeOf(t.Obj())
		case *types.Alias:
			home = l.homeOf(t.Obj())
		case *types.Struct:
			for f := range t.Fields() {
				if !f.Exported() && !isCell(f.Pkg()) {
					home = "package " + f.Pkg().Path()
				}
			}
		}
		return home != ""
	})
	return home
}

func (l *lowering) homeOf(o *types.TypeName) string {
	pkg := o.Pkg()
	switch {
	case pkg == nil: // predeclared
		return ""
	case pkg == l.pkg || l.session.cellOf[pkg] != nil:
		if o.Parent() != nil && o.Parent() != pkg.Scope() {
			return "the function that declares it"
		}
		return ""
	case !o.Exported():
		return "package " + pkg.Path()
	}
	return ""
}

// shadow spells a struct type with the same layout whose fields can be reached from every package.
func (l *lowering) shadow(st *types.Struct, p token.Pos) string {
	var b strings.Builder
	b.WriteString("struct{")
	for i := range st.NumFields() {
		f := st.Field(i)
		name := "_"
		if f.Name() != "_" {
			name = "Ωˍ" + f.Name()
		}
		fmt.Fprintf(&b, " %s %s;", name, l.spell(f.Type(), p))
	}
	b.WriteString(" }")
	return b.String()
}
