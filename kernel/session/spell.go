package session

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// cellMarker is what types.TypeString writes for a type of another cell, before it becomes ωcell3.Ωname.
var cellMarker = regexp.MustCompile(`Ω(\d+)Ω\.`)

// spell writes a type as the cell's package can name it: types of other cells by their exported alias, types of other
// packages by an import of the preamble. Types that cannot be named are an error at p.
func (l *lowering) spell(t types.Type, p token.Pos) string {
	if bad := l.unspellable(t); bad != "" {
		l.fail(p, "a session variable or function cannot have the type %s, which has no name outside %s", types.TypeString(t, nil), bad)
		return "any"
	}
	text := types.TypeString(t, func(pkg *types.Package) string {
		if pkg == l.pkg {
			return ""
		}
		if c := l.session.cellOf[pkg]; c != nil {
			l.use(c)
			return fmt.Sprintf("Ω%dΩ", c.number)
		}
		name, ok := l.imports[pkg.Path()]
		if !ok {
			name = fmt.Sprintf("ωimport%d", len(l.imports))
			l.imports[pkg.Path()] = name
		}
		return name
	})
	return cellMarker.ReplaceAllString(text, "ωcell$1.Ω")
}

// unspellable returns where a type that cannot be named is at home, or "" if t can be named.
func (l *lowering) unspellable(t types.Type) string {
	switch t := t.(type) {
	case *types.Named:
		if bad := l.homeOf(t.Obj()); bad != "" {
			return bad
		}
		return l.unspellableArgs(t.TypeArgs())
	case *types.Alias:
		if bad := l.homeOf(t.Obj()); bad != "" {
			return bad
		}
		return l.unspellableArgs(t.TypeArgs())
	case *types.Pointer:
		return l.unspellable(t.Elem())
	case *types.Slice:
		return l.unspellable(t.Elem())
	case *types.Array:
		return l.unspellable(t.Elem())
	case *types.Chan:
		return l.unspellable(t.Elem())
	case *types.Map:
		if bad := l.unspellable(t.Key()); bad != "" {
			return bad
		}
		return l.unspellable(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			if bad := l.unspellable(f.Type()); bad != "" {
				return bad
			}
		}
	case *types.Signature:
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			for v := range tuple.Variables() {
				if bad := l.unspellable(v.Type()); bad != "" {
					return bad
				}
			}
		}
	}
	return ""
}

func (l *lowering) unspellableArgs(args *types.TypeList) string {
	for t := range args.Types() {
		if bad := l.unspellable(t); bad != "" {
			return bad
		}
	}
	return ""
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
			name = "Ω" + f.Name()
		}
		fmt.Fprintf(&b, " %s %s;", name, l.spell(f.Type(), p))
	}
	b.WriteString(" }")
	return b.String()
}
