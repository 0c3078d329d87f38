package session

import (
	"bytes"
	"go/ast"
	"go/token"
	"go/types"
)

// Go sets package variables in the order in which they need each other, whatever order they are written in. In a cell, var
// declarations are set where they stand, but those that one needs from further down come before it. Variables that
// x := … declares are not moved: they are statements.

// varOrder finds which variables have to be set before others.
type varOrder struct {
	l       *lowering
	specs   map[types.Object]*varSpec
	bodies  map[types.Object]*ast.BlockStmt // of the cell's functions and methods
	written map[*varSpec]bool
}

// varSpec is a line of a var declaration.
type varSpec struct {
	chunk *chunk
	spec  *ast.ValueSpec
}

func (l *lowering) varOrder(byChunk map[*chunk][]ast.Node) *varOrder {
	o := &varOrder{l: l, specs: map[types.Object]*varSpec{}, bodies: map[types.Object]*ast.BlockStmt{}, written: map[*varSpec]bool{}}
	for ch, nodes := range byChunk {
		for _, n := range nodes {
			g, ok := n.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR || ch.kind != varChunk {
				continue
			}
			for _, s := range g.Specs {
				v := &varSpec{ch, s.(*ast.ValueSpec)}
				for _, name := range v.spec.Names {
					if obj := l.info.Defs[name]; obj != nil {
						o.specs[obj] = v
					}
				}
			}
		}
	}
	for _, d := range l.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && f.Body != l.body {
			o.bodies[l.info.Defs[f.Name]] = f.Body
		}
	}
	return o
}

// write declares and sets the variables of a specification, after those further down that it needs.
func (o *varOrder) write(ch *chunk, spec *ast.ValueSpec, decls, run *bytes.Buffer) {
	v := o.specs[o.l.info.Defs[spec.Names[0]]]
	if v == nil { // x := …, or blank
		o.l.variables(ch, spec, decls, run)
		return
	}
	if o.written[v] {
		return
	}
	o.written[v] = true
	for _, need := range o.needs(spec) {
		if !o.written[need] {
			o.write(need.chunk, need.spec, decls, run)
		}
	}
	o.l.variables(ch, spec, decls, run)
}

// needs returns the specifications whose variables the values of one use, in functions that they mention too, in the order
// in which they are met.
func (o *varOrder) needs(spec *ast.ValueSpec) (list []*varSpec) {
	seen := map[types.Object]bool{}
	var look func(ast.Node)
	look = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			obj := o.l.info.Uses[id]
			if obj == nil || seen[obj] {
				return true
			}
			seen[obj] = true
			if v := o.specs[obj]; v != nil && v.spec != spec {
				list = append(list, v)
			}
			if body := o.bodies[obj]; body != nil {
				look(body)
			}
			return true
		})
	}
	for _, value := range spec.Values {
		look(value)
	}
	return list
}
