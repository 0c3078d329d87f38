package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A type that is compiled has the methods that it was compiled with. When a cell declares a method for a type of an
// earlier cell, the type is therefore compiled again in this cell, from its earlier text, with all its methods and the new
// one; and so are the types and functions that mention it. The new type has the layout of the old one. So the variables
// that have the old type are, from then on, declared to later cells as the new type at the same place in memory, and
// functions take the place of their earlier definitions. What interfaces hold is given the new type by the worker, as far
// as it can be reached from variables.

// A declaration is a type, constant or function chunk of a cell that was compiled, kept for that purpose.
type declaration struct {
	text      string
	file      string
	line, col int
	names     map[string]*entry // what it declares; the receiver's type for a method
	method    string            // name, if it is a method
	isType    bool
	uses      map[string]*entry // names of the session in it, also where they stand for something else
	means     map[*entry]bool   // what of the session a function or method refers to
}

// remember keeps the declarations of a cell that was compiled. The cell's names are those of the session already.
func (s *Session) remember(c *checked) {
	s.rememberComposed(c)
	means := s.meant(c)
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.kind != declChunk {
			continue
		}
		f := parseFragment(ch.text + "\n")
		if f == nil {
			continue
		}
		d := &declaration{text: ch.text, file: c.fileOf(ch), line: ch.line, col: ch.col, names: map[string]*entry{}, uses: map[string]*entry{}}
		for _, n := range ch.declares {
			d.names[n] = s.names[n]
		}
		if receiver, method := methodOf(f); receiver != "" {
			d.method = method
			d.names[receiver] = s.names[receiver]
			d.means = means[[2]string{receiver, method}]
		} else if len(ch.declares) == 1 {
			d.means = means[[2]string{"", ch.declares[0]}]
		}
		if g, ok := f.Decls[0].(*ast.GenDecl); ok && g.Tok == token.TYPE {
			d.isType = true
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if e := s.names[id.Name]; e != nil {
					d.uses[id.Name] = e
				}
			}
			return true
		})
		s.declarations = append(s.declarations, d)
	}
	s.declarations = slices.DeleteFunc(s.declarations, func(d *declaration) bool { return !s.inForce(d) })
}

// meant returns what of the session each function and method of a cell refers to, by the receiver's type and the name.
func (s *Session) meant(c *checked) map[[2]string]map[*entry]bool {
	all := map[[2]string]map[*entry]bool{}
	for _, decl := range c.ast.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Body == c.body {
			continue
		}
		key := [2]string{"", f.Name.Name}
		if f.Recv != nil && len(f.Recv.List) == 1 {
			key[0] = receiverName(f.Recv.List[0].Type)
		}
		list := map[*entry]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if e := s.entryOf(c, c.info.Uses[id]); e != nil {
					list[e] = true
				}
			}
			return true
		})
		all[key] = list
	}
	return all
}

// rememberComposed keeps the types that a cell makes of types of cells: interfaces may hold their values.
func (s *Session) rememberComposed(c *checked) {
	for _, tv := range c.info.Types {
		switch tv.Type.(type) {
		case *types.Pointer, *types.Slice, *types.Array, *types.Map, *types.Chan, *types.Signature, *types.Struct:
		default:
			continue
		}
		ofCell := walkTypes(tv.Type, func(t types.Type) bool {
			n, ok := t.(*types.Named)
			return ok && isCell(n.Obj().Pkg())
		})
		if ofCell && !mentionsTypeParameter(tv.Type) && !slices.ContainsFunc(s.composed, func(t types.Type) bool { return types.Identical(t, tv.Type) }) {
			s.composed = append(s.composed, tv.Type)
		}
	}
}

// methodOf returns the receiver's type and the name of a method declaration.
func methodOf(f *ast.File) (receiver, method string) {
	if len(f.Decls) == 0 {
		return "", ""
	}
	d, ok := f.Decls[0].(*ast.FuncDecl)
	if !ok || d.Recv == nil || len(d.Recv.List) != 1 {
		return "", ""
	}
	return receiverName(d.Recv.List[0].Type), d.Name.Name
}

// inForce reports whether one of the names of a declaration still means what it declared.
func (s *Session) inForce(d *declaration) bool {
	for n, e := range d.names {
		if e != nil && s.names[n] == e {
			return true
		}
	}
	return false
}

// carry returns the declarations of earlier cells that have to be compiled again because the chunks declare methods for
// types of earlier cells.
func (s *Session) carry(chunks []chunk) ([]chunk, error) {
	own := map[string]bool{}
	methods := map[[2]string]bool{} // those that the cell declares
	types := map[*entry]bool{}      // those to compile again
	at := map[*entry]*chunk{}
	for i := range chunks {
		for _, n := range chunks[i].declares {
			own[n] = true
		}
	}
	for i := range chunks {
		ch := &chunks[i]
		if ch.kind != declChunk {
			continue
		}
		f := parseFragment(ch.text + "\n")
		if f == nil {
			continue
		}
		receiver, method := methodOf(f)
		if receiver == "" || own[receiver] {
			continue
		}
		e := s.aliased(receiver)
		if e == nil || !isType(e.obj) || e.cell == nil {
			continue
		}
		methods[[2]string{e.name, method}] = true
		types[e], at[e] = true, ch
	}
	if len(types) == 0 {
		return nil, nil
	}
	carried := map[*declaration]bool{}
	for again := true; again; {
		again = false
		for _, d := range s.declarations {
			if carried[d] || !s.mentions(d, types) {
				continue
			}
			carried[d], again = true, true
			if d.isType {
				for n, e := range d.names {
					if s.names[n] == e {
						types[e] = true
					}
				}
			}
		}
	}
	var list []chunk
	for _, d := range s.declarations {
		if !carried[d] {
			continue
		}
		skip, mandatory := false, d.isType || d.method != ""
		for n := range d.names {
			skip = skip || d.method == "" && own[n] || methods[[2]string{n, d.method}]
		}
		if changed := s.changedUse(d, types); changed != "" {
			if mandatory {
				for e, ch := range at {
					return nil, ErrorList{{Line: ch.line, Col: ch.col, Msg: fmt.Sprintf("a method cannot be added to %s any more, because %s, which its declaration uses, means something else now: run the cell that declares %s again, with the method in it",
						e.name, changed, e.name)}}
				}
			}
			skip = true
		}
		if skip {
			continue
		}
		ch := chunk{kind: declChunk, text: d.text, file: d.file, line: d.line, col: d.col, off: carriedOffset}
		if d.method == "" {
			ch.declares = sortedKeys(d.names)
		}
		list = append(list, ch)
	}
	for e, ch := range at {
		if !slices.ContainsFunc(list, func(c chunk) bool { return slices.Contains(c.declares, e.name) }) {
			return nil, ErrorList{{Line: ch.line, Col: ch.col, Msg: fmt.Sprintf("a method cannot be added to %s here: write it into the cell that declares the type, and run that cell again", e.name)}}
		}
	}
	return list, nil
}

// carriedOffset is where the text of earlier cells stands, so to say, in the cell that compiles it again: behind it.
const carriedOffset = 1 << 40

// aliased returns the session's type of a name, that behind it if the name is an alias.
func (s *Session) aliased(name string) *entry {
	e := s.names[name]
	if e == nil {
		return nil
	}
	if a, ok := e.obj.Type().(*types.Alias); ok {
		if n, ok := types.Unalias(a).(*types.Named); ok {
			if o := s.byObject[n.Origin().Obj()]; o != nil && s.names[o.name] == o {
				return o
			}
		}
	}
	return e
}

// mentions reports whether a declaration uses or declares one of the types.
func (s *Session) mentions(d *declaration, types map[*entry]bool) bool {
	for _, e := range d.uses {
		if types[e] {
			return true
		}
	}
	for _, e := range d.names {
		if types[e] {
			return true
		}
	}
	return false
}

// changedUse returns a name that no longer means what it meant when d was compiled.
func (s *Session) changedUse(d *declaration, types map[*entry]bool) string {
	for n, e := range d.uses {
		if now := s.names[n]; now != e && !types[e] && !sameThing(now, e) {
			return n
		}
	}
	return ""
}

// sameThing reports whether two entries of a name are one variable, or one function's present and earlier definition.
func sameThing(a, b *entry) bool {
	switch {
	case a == nil || b == nil:
		return false
	case a.symbol != "":
		return a.symbol == b.symbol
	}
	return a.slot != nil && a.slot == b.slot
}

// cutMethods cuts a cell that declares methods for types of earlier cells in two: its declarations, and the rest, which
// is compiled when the variables have their new types. Both have the length and the lines of the cell. ok is false where
// one part is empty or there is nothing to cut.
func (s *Session) cutMethods(source string) (declarations, rest string, ok bool) {
	chunks, err := split(source)
	if err != nil {
		return "", "", false
	}
	analyse(chunks)
	carried, err := s.carry(chunks)
	if err != nil || len(carried) == 0 {
		return "", "", false
	}
	a, b := []byte(source), []byte(source)
	statements := false
	for _, ch := range chunks {
		cut := b
		switch ch.kind {
		case importChunk:
			continue
		case varChunk, stmtChunk:
			cut, statements = a, true
		}
		for i := ch.off; i < ch.end; i++ {
			if cut[i] != '\n' {
				cut[i] = ' '
			}
		}
	}
	return string(a), string(b), statements
}

// A renewal says which types of earlier cells a cell has compiled again: the new type by the old one's name.
type renewal map[*types.TypeName]*types.TypeName

func (s *Session) renewal(c *checked) renewal {
	r := renewal{}
	for i := range c.chunks {
		ch := &c.chunks[i]
		if ch.file == "" {
			continue
		}
		for _, n := range ch.declares {
			old, ok := s.names[n]
			if !ok {
				continue
			}
			before, ok1 := old.obj.(*types.TypeName)
			after, ok2 := c.pkg.Scope().Lookup(n).(*types.TypeName)
			if ok1 && ok2 && before != after {
				r[before] = after
			}
		}
	}
	return r
}

// of returns t with the old types replaced by the new ones; t itself if it mentions none.
func (r renewal) of(t types.Type) types.Type {
	if len(r) == 0 || t == nil {
		return t
	}
	switch t := t.(type) {
	case *types.Named:
		return r.name(t, t.Origin().Obj(), t.TypeArgs())
	case *types.Alias:
		return r.name(t, t.Origin().Obj(), t.TypeArgs())
	case *types.Pointer:
		if e := r.of(t.Elem()); e != t.Elem() {
			return types.NewPointer(e)
		}
	case *types.Slice:
		if e := r.of(t.Elem()); e != t.Elem() {
			return types.NewSlice(e)
		}
	case *types.Array:
		if e := r.of(t.Elem()); e != t.Elem() {
			return types.NewArray(e, t.Len())
		}
	case *types.Chan:
		if e := r.of(t.Elem()); e != t.Elem() {
			return types.NewChan(t.Dir(), e)
		}
	case *types.Map:
		if k, e := r.of(t.Key()), r.of(t.Elem()); k != t.Key() || e != t.Elem() {
			return types.NewMap(k, e)
		}
	case *types.Tuple:
		if vars, changed := r.variables(t.Variables()); changed {
			return types.NewTuple(vars...)
		}
	case *types.Signature:
		params, c1 := r.variables(t.Params().Variables())
		results, c2 := r.variables(t.Results().Variables())
		if c1 || c2 {
			return types.NewSignatureType(nil, nil, nil, types.NewTuple(params...), types.NewTuple(results...), t.Variadic())
		}
	case *types.Struct:
		fields, changed := r.variables(t.Fields())
		if changed {
			tags := make([]string, t.NumFields())
			for i := range tags {
				tags[i] = t.Tag(i)
			}
			return types.NewStruct(fields, tags)
		}
	case *types.Interface:
		var methods []*types.Func
		changed := false
		for m := range t.ExplicitMethods() {
			sig := r.of(m.Signature()).(*types.Signature)
			changed = changed || sig != m.Signature()
			methods = append(methods, types.NewFunc(m.Pos(), m.Pkg(), m.Name(), sig))
		}
		var embedded []types.Type
		for e := range t.EmbeddedTypes() {
			n := r.of(e)
			changed = changed || n != e
			embedded = append(embedded, n)
		}
		if changed {
			return types.NewInterfaceType(methods, embedded).Complete()
		}
	}
	return t
}

func (r renewal) name(t types.Type, origin *types.TypeName, args *types.TypeList) types.Type {
	list := make([]types.Type, args.Len())
	changed := false
	for i := range list {
		list[i] = r.of(args.At(i))
		changed = changed || list[i] != args.At(i)
	}
	target := origin.Type()
	if n := r[origin]; n != nil {
		target, changed = n.Type(), true
	}
	if !changed {
		return t
	}
	if len(list) == 0 {
		return target
	}
	if i, err := types.Instantiate(nil, target, list, false); err == nil {
		return i
	}
	return t
}

func (r renewal) variables(seq func(func(*types.Var) bool)) (list []*types.Var, changed bool) {
	for v := range seq {
		n := r.of(v.Type())
		if n != v.Type() {
			changed = true
			if v.IsField() {
				v = types.NewField(v.Pos(), v.Pkg(), v.Name(), n, v.Embedded())
			} else {
				v = types.NewVar(v.Pos(), v.Pkg(), v.Name(), n)
			}
		}
		list = append(list, v)
	}
	return list, changed
}

// renewVariables gives the session's variables the new types. Their place in memory stays.
func (s *Session) renewVariables(r renewal) {
	if len(r) == 0 {
		return
	}
	for _, t := range slices.Clone(s.composed) {
		if n := r.of(t); n != t {
			s.composed = append(s.composed, n)
		}
	}
	for name, e := range s.names {
		v, ok := e.obj.(*types.Var)
		if !ok || e.cell == nil {
			continue
		}
		if t := r.of(v.Type()); t != v.Type() {
			n := &entry{name: name, obj: types.NewVar(v.Pos(), v.Pkg(), name, t), cell: e.cell, symbol: e.symbol, renewed: true}
			s.names[name], s.byObject[n.obj] = n, n
		}
	}
}

// original removes what marks a name as the earlier one.
func original(name string) string { return strings.TrimPrefix(name, oldPrefix) }
