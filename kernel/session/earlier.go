package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// The checked file declares a cell's variables at package level, where they would be visible in the whole cell. But
// statements run in their order: in x := x + 1, and in every statement above it, x is what it was before this cell. Such
// uses are found when the types are known, and marked for the next pass.

// findEarlier looks for uses of a name before the cell declares a variable of that name. In a function literal, which
// may run later, the declared one is meant unless there is an earlier one.
func (s *Session) findEarlier(c *checked, p *passes) bool {
	ends, anywhere := c.declarationEnds()
	found := false
	inVar := false
	literals := 0
	var path []ast.Node
	visit := func(n ast.Node) bool {
		if n == nil {
			if _, ok := path[len(path)-1].(*ast.FuncLit); ok {
				literals--
			}
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		if _, ok := n.(*ast.FuncLit); ok {
			literals++
		}
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := c.info.Uses[id].(*types.Var)
		if !ok || v.Parent() != c.pkg.Scope() {
			return true
		}
		end, ok := ends[id.Name]
		off := c.sourceOffset(id.Pos())
		if !ok || off < 0 || off >= end || p.earlier[off] != "" {
			return true
		}
		if from, ok := anywhere[id.Name]; ok && inVar && off < from {
			return true // var a = b above var b = 1
		}
		if literals == 0 || s.means(c, id.Name, path[len(path)-2]) {
			p.earlier[off] = id.Name
			found = true
		}
		return true
	}
	for _, d := range c.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == c.body {
				ast.Inspect(d, visit)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				ch := c.chunkAt(c.offset(spec.Pos()))
				inVar = ch != nil && ch.kind == varChunk
				ast.Inspect(spec, visit)
			}
			inVar = false
		}
	}
	return found
}

// means reports whether a name has a meaning before the cell: in the session, or as that of a package.
func (s *Session) means(c *checked, name string, parent ast.Node) bool {
	if s.names[name] != nil || s.imports[name] != "" || c.explicit[name] != "" {
		return true
	}
	_, selects := parent.(*ast.SelectorExpr)
	return selects && len(s.tools.candidates(name)) > 0
}

// declarationEnds returns for each variable that the cell declares where its first declaration ends: from there on the
// name means the variable. For those declared by var, it returns also where the declaration begins: other var declarations
// above it mean it too, as in Go.
func (c *checked) declarationEnds() (ends, anywhere map[string]int) {
	ends, anywhere = map[string]int{}, map[string]int{}
	for i := range c.chunks {
		if ch := &c.chunks[i]; ch.define != nil {
			for _, n := range ch.declares {
				ends[n] = ch.end
			}
		}
	}
	for _, d := range c.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if ch := c.chunkAt(c.offset(v.Pos())); ch == nil || ch.kind != varChunk {
				continue
			}
			for _, n := range v.Names {
				ends[n.Name] = c.sourceOffset(v.End()-1) + 1
				anywhere[n.Name] = c.sourceOffset(v.Pos())
			}
		}
	}
	return ends, anywhere
}

// mark changes the text of the chunks as earlier passes have found necessary: what a name meant before the cell gets its
// spelling for this cell, and calls whose error is checked are wrapped.
func (s *Session) mark(c *checked, p *passes) {
	ends := map[int]int{}
	for from, to := range p.unwrap {
		ends[to] = from
	}
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.kind == importChunk {
			continue
		}
		// here returns a directive for a place in the text, behind something inserted.
		here := func(at int) string {
			line, col := advance(ch.line, ch.col, ch.text[:at])
			return fmt.Sprintf("/*line %s:%d:%d*/", c.file, line, col)
		}
		for at := len(ch.text); at >= 0; at-- {
			off := ch.off + at
			if name := p.earlier[off]; name != "" && at < len(ch.text) {
				end := at + len(name)
				ch.text = ch.text[:at] + oldPrefix + name + here(end) + ch.text[end:]
				if e := s.names[name]; e != nil {
					c.old[name] = e
				}
			}
			if p.unwrap[off] != 0 {
				ch.text = fmt.Sprintf("%sωˍcell.Value%d(%s%s", ch.text[:at], p.values[off], here(at), ch.text[at:])
			}
			if _, ok := ends[off]; ok && at > 0 {
				ch.text = ch.text[:at] + ")" + here(at) + ch.text[at:]
			}
		}
	}
}

func receiverName(t ast.Expr) string {
	for {
		switch e := ast.Unparen(t).(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
