package session

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// explicitImports collects the cell's import declarations, on top of those of earlier cells. A package whose name the
// cell gives to something else is imported as what the name meant before.
func (s *Session) explicitImports(ctx context.Context, c *checked) ([]importSpec, error) {
	c.explicit = map[string]string{}
	all := maps.Clone(s.imports)
	if all == nil {
		all = map[string]string{}
	}
	for _, ch := range c.chunks {
		if ch.kind != importChunk {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "", fmt.Sprintf("package p\n//line %s:%d:%d\n%s\n", c.file, ch.line, ch.col, ch.text), parser.ImportsOnly)
		if err != nil {
			var list scanner.ErrorList
			if errors.As(err, &list) {
				return nil, ErrorList{{Line: list[0].Pos.Line, Col: list[0].Pos.Column, Msg: "syntax error: " + list[0].Msg}}
			}
			return nil, err
		}
		for _, im := range f.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			pos := fset.Position(im.Pos())
			if err != nil {
				return nil, ErrorList{{Line: pos.Line, Col: pos.Column, Msg: "invalid import path " + im.Path.Value}}
			}
			if p == "C" {
				return nil, ErrorList{{Line: pos.Line, Col: pos.Column, Msg: "cells cannot use cgo: put the C code into a package of a module and import that"}}
			}
			if err := s.tools.ensure(ctx, []string{p}); err != nil {
				return nil, ErrorList{{Line: pos.Line, Col: pos.Column, Msg: err.Error()}}
			}
			name := path.Base(p)
			if im.Name != nil {
				name = im.Name.Name
			} else if pkg, err := s.importer.Import(p); err == nil {
				name = pkg.Name()
			}
			switch name {
			case "_":
				name = blankImport + p
			case ".":
				name = dotImport + p
			}
			all[name], c.explicit[name] = p, p
		}
	}
	own := map[string]bool{}
	for _, ch := range c.chunks {
		for _, n := range ch.declares {
			own[n] = true
		}
	}
	var list []importSpec
	for _, name := range slices.Sorted(maps.Keys(all)) {
		im := importSpec{name, all[name]}
		if strings.HasPrefix(name, blankImport) {
			im.name = "_"
		} else if strings.HasPrefix(name, dotImport) {
			im.name = "."
		} else if own[name] {
			im.name = oldPrefix + name
		}
		list = append(list, im)
	}
	return list, nil
}

// blankImport begins the key of an import for its side effects; the path follows.
const blankImport = "_ "

// dotImport begins the key of an import of all names of a package; the path follows.
const dotImport = ". "

// autoImport finds a package for a name that is used as name.Something and declared nowhere.
func (s *Session) autoImport(ctx context.Context, c *checked, p *passes, name string) (bool, error) {
	for _, im := range p.auto {
		if im.name == name {
			return true, nil // an earlier use of it in this pass
		}
	}
	var selectors []string
	ast.Inspect(c.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == name && c.info.Uses[id] == nil {
				selectors = append(selectors, sel.Sel.Name)
			}
		}
		return true
	})
	if len(selectors) == 0 {
		return false, nil
	}
	var chosen string
	for _, path := range s.tools.candidates(original(name)) {
		if chosen == "" {
			chosen = path
		}
		if err := s.tools.ensure(ctx, []string{path}); err != nil {
			return false, err
		}
		if pkg, err := s.importer.Import(path); err == nil && hasAll(pkg, selectors) {
			chosen = path
			break
		}
	}
	if chosen == "" {
		return false, nil
	}
	p.auto = append(p.auto, importSpec{name, chosen})
	return true, nil
}

func hasAll(pkg *types.Package, names []string) bool {
	if pkg.Path() == "unsafe" {
		return true
	}
	for _, n := range names {
		if o := pkg.Scope().Lookup(n); o == nil || !o.Exported() {
			return false
		}
	}
	return true
}
