package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// The checked file declares a cell's variables at package level, where they would be visible in the whole cell. But
// statements run in their order: in x := x + 1, and in every statement above it, x is what it was before this cell. Such
// uses are found when the types are known, and marked for the next pass.

// findEarlier looks for uses of a name before the cell declares a variable of that name. In a function literal, which
// may run later, the declared one is meant unless there is an earlier one.
func (s *Session) findEarlier(c *checked, p *passes) bool {
	ends := c.declarationEnds()
	found := false
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
			if d.Tok == token.VAR {
				ast.Inspect(d, visit)
			}
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
// name means the variable.
func (c *checked) declarationEnds() map[string]int {
	ends := map[string]int{}
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
			}
		}
	}
	return ends
}

// markEarlier gives what a name meant before the cell its spelling for this cell, in the text of the chunks.
func (s *Session) markEarlier(c *checked, p *passes) {
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.kind == importChunk {
			continue
		}
		for at := len(ch.text) - 1; at >= 0; at-- {
			name := p.earlier[ch.off+at]
			if name == "" {
				continue
			}
			line, col := advance(ch.line, ch.col, ch.text[:at+len(name)])
			ch.text = fmt.Sprintf("%s%s%s/*line %s:%d:%d*/%s", ch.text[:at], oldPrefix, name, c.file, line, col, ch.text[at+len(name):])
			if e := s.names[name]; e != nil {
				c.old[name] = e
			}
		}
	}
}

// foreignReceivers refuses methods on types of earlier cells: their set of methods was compiled with them.
func (s *Session) foreignReceivers(c *checked) error {
	aliases := map[string]ast.Expr{}
	own := declaredNames(c.ast.Decls)
	for _, d := range c.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for _, spec := range g.Specs {
				if t := spec.(*ast.TypeSpec); t.Assign.IsValid() {
					aliases[t.Name.Name] = t.Type
				}
			}
		}
	}
	for _, d := range c.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || len(f.Recv.List) != 1 {
			continue
		}
		name := receiverName(f.Recv.List[0].Type)
		for range len(aliases) {
			if t := aliases[name]; t != nil {
				name = receiverName(t)
			}
		}
		if e := s.names[name]; e == nil || own[name] || !isType(e.obj) {
			continue
		}
		return ErrorList{c.sourceError(f.Recv.Pos(), fmt.Sprintf("the type %s is compiled already, so it cannot get the method %s here: write the method into the cell that declares %s, and run that cell again",
			name, f.Name.Name, name))}
	}
	return nil
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

// original removes what marks a name as the earlier one.
func original(name string) string { return strings.TrimPrefix(name, oldPrefix) }
