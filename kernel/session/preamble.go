package session

import (
	"fmt"
	"go/types"
	"maps"
)

// declareUsed writes the preamble: the names of other cells that this one uses.
func (l *lowering) declareUsed() {
	l.preamble.WriteString("//line goalgap:1\n")
	written := map[string]bool{}
	for { // spelling the type of a name may need other names
		used := map[string]*entry{}
		for e := range l.used {
			used[e.name] = e
		}
		for name, e := range l.old {
			delete(used, name)
			if l.reused[name] == nil {
				used[oldPrefix+name] = e
			}
		}
		maps.Copy(used, l.reused)
		again := false
		for _, name := range sortedKeys(used) {
			if !written[name] {
				written[name], again = true, true
				l.declare(name, used[name])
			}
		}
		if !again {
			return
		}
	}
}

// declare writes the declaration of another cell's name, under the name that it has here.
func (l *lowering) declare(name string, e *entry) {
	b, p := &l.preamble, l.body.Pos()
	switch obj := e.obj.(type) {
	case *types.Var:
		if l.hidden(obj) && e.cell != nil {
			fmt.Fprintf(b, "var %s%s = %s.Ωˍ%s\n", hiddenPrefix, name, l.use(e.cell), e.name)
			return
		}
		if e.cell != nil {
			l.need(e.cell)
		}
		fmt.Fprintf(b, "//go:linkname %s %s\nvar %s %s\n", name, e.symbol, name, l.spell(obj.Type(), p))
	case *types.Const:
		fmt.Fprintf(b, "const %s = %s.Ωˍ%s\n", name, l.use(e.cell), e.name)
	case *types.TypeName:
		if params := typeParamsOf(obj.Type()); params != nil {
			fmt.Fprintf(b, "type %s%s = %s.Ωˍ%s%s\n", name, l.typeParams(params, p), l.use(e.cell), e.name, typeArgs(params))
		} else {
			fmt.Fprintf(b, "type %s = %s.Ωˍ%s\n", name, l.use(e.cell), e.name)
		}
	case *types.Func:
		sig := obj.Type().(*types.Signature)
		decl, call := l.parameters(sig, p)
		if params := sig.TypeParams(); params.Len() > 0 {
			fmt.Fprintf(b, "func %s%s%s { %s%s.Ωˍ%s%s%s }\n", name, l.typeParams(params, p), decl, returns(sig), l.use(e.cell), e.name, typeArgs(params), call)
			return
		}
		l.need(e.slot)
		fmt.Fprintf(b, "//go:linkname ωˍcall_%s %s.ωˍfunc_%s\nvar ωˍcall_%s %s\n", name, e.slot.path, e.name, name, l.spell(sig, p))
		fmt.Fprintf(b, "func %s%s { %sωˍcall_%s%s }\n", name, decl, returns(sig), name, call)
	}
}

// need makes another cell a dependency: its plugin is loaded before this one's.
func (l *lowering) need(c *cellPackage) {
	if _, ok := l.cells[c]; !ok {
		l.cells[c] = false
	}
}

// use returns the name under which another cell's package is imported.
func (l *lowering) use(c *cellPackage) string {
	l.cells[c] = true
	return c.importName()
}
