package session

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"

	"goalgap/kernel/worker"
)

// The compiler and the linker take 0.15 s, whatever a cell does. A cell that only shows or sets variables, or calls one
// function of the session, needs neither: it has been type-checked, and the worker executes it by reflection. Where that
// would be beyond the evaluator, or would fail, nothing is executed and the cell is compiled as usual, so that failures
// look the same.

// quickly executes a checked cell without the compiler. done is false if it has to be compiled.
func (s *Session) quickly(c *checked, label string) (f *Failure, done bool) {
	if s.magic.clock != nil {
		return nil, false // what is measured is compiled code
	}
	p, ok := s.program(c)
	if !ok {
		return nil, false
	}
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil {
		return nil, false
	}
	s.state.Unlock()
	e := client.Evaluate(*p)
	s.state.Lock()
	switch {
	case e == nil:
		return nil, true
	case e.Name == worker.NotEvaluated:
		return nil, false
	}
	return s.failed(client, e, c.source, frame{c.file, label, c.chunks[len(c.chunks)-1].line, ""}), true
}

// program translates a cell, if it is simple enough.
func (s *Session) program(c *checked) (*worker.Program, bool) {
	q := &quick{checked: c, session: s}
	p := &worker.Program{}
	for i := range c.chunks {
		ch := &c.chunks[i]
		last := i == len(c.chunks)-1
		switch {
		case ch.file != "":
			return nil, false
		case ch.kind == varChunk || ch.define != nil && ch.define.declares():
			if !q.declaration(ch, p, last) {
				return nil, false
			}
		case ch.kind == stmtChunk:
			if !q.statement(ch, p, last) {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return p, q.calls <= 1 && len(p.Assign)+len(p.Values) > 0
}

type quick struct {
	*checked
	session *Session
	calls   int
}

// declaration translates a, b := 1, 2 where both variables exist with these types, so that they are assigned to.
func (q *quick) declaration(ch *chunk, p *worker.Program, last bool) bool {
	found := false
	for _, d := range q.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Values) == 0 || q.chunkAt(q.offset(v.Values[0].Pos())) != ch {
				continue
			}
			if found || len(v.Names) != len(v.Values) || len(v.Names) > 1 && !last {
				return false
			}
			found = true
			for j, n := range v.Names {
				e, o := q.session.names[n.Name], q.info.Defs[n]
				if e == nil || !isVar(e.obj) || e.cell == nil || e.renewed || o == nil || !types.Identical(e.obj.Type(), o.Type()) {
					return false
				}
				if !q.assign(p, e, v.Values[j], last && len(v.Names) == 1) {
					return false
				}
			}
		}
	}
	return found
}

// assign translates an assignment. What stands before another statement must be a constant, and so must be one of several
// values: it may be executed twice.
func (q *quick) assign(p *worker.Program, e *entry, value ast.Expr, last bool) bool {
	if !last && q.info.Types[value].Value == nil {
		return false
	}
	n := q.node(value, false)
	if n == nil || n.Op == "call" || n.Op == "method" {
		return false // the call could panic, and the line would be missing in the trace
	}
	p.Assign = append(p.Assign, worker.Assignment{Symbol: e.symbol, Value: n})
	return q.calls == 0
}

func (q *quick) statement(ch *chunk, p *worker.Program, last bool) bool {
	var st ast.Stmt
	for _, s := range q.body.List {
		if q.chunkAt(q.offset(s.Pos())) == ch {
			if st != nil {
				return false
			}
			st = s
		}
	}
	switch st := st.(type) {
	case *ast.AssignStmt:
		if len(st.Lhs) != 1 || len(st.Rhs) != 1 || st.Tok != token.ASSIGN {
			return false
		}
		id, ok := st.Lhs[0].(*ast.Ident)
		if !ok {
			return false
		}
		e := q.variable(id)
		return e != nil && q.assign(p, e, st.Rhs[0], last)
	case *ast.ExprStmt:
		if !last {
			return false
		}
		shown := q.lastExpression() == st.X
		if ch.values {
			call := st.X.(*ast.CallExpr)
			for _, a := range call.Args {
				n := q.node(a, true)
				if n == nil || q.calls > 0 {
					return false
				}
				p.Values = append(p.Values, n)
			}
			p.Show = shown
			return shown
		}
		tv := q.info.Types[st.X]
		if tv.IsType() || tv.IsNil() || overflowsInt(tv) {
			return false
		}
		n := q.node(st.X, true)
		if n == nil {
			return false
		}
		p.Values, p.Show = []*worker.Node{n}, shown
		if n.Op == "call" || n.Op == "method" {
			if tv.IsVoid() {
				p.Show = false
				return true
			}
			result := tv.Type
			if t, ok := result.(*types.Tuple); ok {
				result = t.At(t.Len() - 1).Type()
			}
			p.Try = isError(result)
			return true
		}
		return q.calls == 0
	}
	return false
}

// variable returns the variable of the session that an identifier means.
func (q *quick) variable(id *ast.Ident) *entry {
	o, ok := q.info.Uses[id].(*types.Var)
	if !ok {
		return nil
	}
	e := q.session.entryOf(q.checked, o)
	if e == nil && o.Parent() == q.pkg.Scope() {
		// The cell declares it again, and so assigns to the earlier one.
		if e = q.session.names[id.Name]; e != nil && !types.Identical(e.obj.Type(), o.Type()) {
			return nil
		}
	}
	if e == nil || e.cell == nil || e.symbol == "" || e.renewed || q.aliases[o] != nil {
		return nil
	}
	return e
}

// node translates an expression, nil if that is not possible. With free, its own type must survive the translation: it is
// shown, not assigned to something of a known type.
func (q *quick) node(x ast.Expr, free bool) *worker.Node {
	x = ast.Unparen(x)
	tv := q.info.Types[x]
	if tv.Value != nil {
		return constantNode(tv, free)
	}
	switch x := x.(type) {
	case *ast.Ident:
		if e := q.variable(x); e != nil {
			return &worker.Node{Op: "var", Name: e.symbol}
		}
	case *ast.SelectorExpr:
		s := q.info.Selections[x]
		if s == nil || s.Kind() != types.FieldVal {
			return nil
		}
		if n := q.node(x.X, true); n != nil {
			return &worker.Node{Op: "field", Path: s.Index(), Args: []*worker.Node{n}}
		}
	case *ast.IndexExpr:
		t := q.info.Types[x.X].Type
		if t == nil || q.info.Types[x.X].IsType() {
			return nil
		}
		if b, ok := t.Underlying().(*types.Basic); ok && b.Kind() == types.String {
			return nil
		}
		if _, ok := t.Underlying().(*types.Signature); ok {
			return nil
		}
		a, i := q.node(x.X, true), q.node(x.Index, false)
		if a != nil && i != nil {
			return &worker.Node{Op: "index", Args: []*worker.Node{a, i}}
		}
	case *ast.StarExpr:
		if n := q.node(x.X, true); n != nil {
			return &worker.Node{Op: "deref", Args: []*worker.Node{n}}
		}
	case *ast.UnaryExpr:
		n := q.node(x.X, true)
		switch {
		case n == nil:
		case x.Op == token.AND && (n.Op == "var" || n.Op == "field"):
			return &worker.Node{Op: "addr", Args: []*worker.Node{n}}
		case x.Op == token.SUB || x.Op == token.ADD || x.Op == token.NOT:
			return &worker.Node{Op: "unary", Name: x.Op.String(), Args: []*worker.Node{n}}
		}
	case *ast.BinaryExpr:
		return q.binary(x)
	case *ast.CallExpr:
		return q.call(x)
	}
	return nil
}

func (q *quick) binary(x *ast.BinaryExpr) *worker.Node {
	if x.Op == token.SHL || x.Op == token.SHR {
		return nil
	}
	for _, o := range []ast.Expr{x.X, x.Y} {
		t := q.info.Types[o].Type
		if b, ok := t.Underlying().(*types.Basic); !ok || b.Info()&(types.IsInteger|types.IsFloat|types.IsString|types.IsBoolean) == 0 {
			return nil
		}
	}
	a, b := q.node(x.X, false), q.node(x.Y, false)
	if a == nil || b == nil || q.calls > 0 {
		return nil
	}
	return &worker.Node{Op: "binary", Name: x.Op.String(), Args: []*worker.Node{a, b}}
}

func (q *quick) call(x *ast.CallExpr) *worker.Node {
	if q.info.Types[x.Fun].IsType() || x.Ellipsis.IsValid() {
		return nil
	}
	var n *worker.Node
	switch f := ast.Unparen(x.Fun).(type) {
	case *ast.Ident:
		switch o := q.info.Uses[f].(type) {
		case *types.Builtin:
			if (f.Name == "len" || f.Name == "cap") && len(x.Args) == 1 {
				if _, pointer := q.info.Types[x.Args[0]].Type.Underlying().(*types.Pointer); pointer {
					return nil
				}
				if a := q.node(x.Args[0], true); a != nil {
					return &worker.Node{Op: f.Name, Args: []*worker.Node{a}}
				}
			}
			return nil
		case *types.Func:
			e := q.session.entryOf(q.checked, o)
			if e == nil || e.slot == nil || e.renewed {
				return nil
			}
			n = &worker.Node{Op: "call", Args: []*worker.Node{{Op: "func", Name: e.slot.path + ".ωˍfunc_" + e.name}}}
		case *types.Var:
			e := q.variable(f)
			if e == nil {
				return nil
			}
			n = &worker.Node{Op: "call", Args: []*worker.Node{{Op: "var", Name: e.symbol}}}
		default:
			return nil
		}
	case *ast.SelectorExpr:
		s := q.info.Selections[f]
		if s == nil || s.Kind() != types.MethodVal || !s.Obj().Exported() {
			return nil
		}
		receiver := q.node(f.X, true)
		if receiver == nil || q.calls > 0 {
			return nil
		}
		n = &worker.Node{Op: "method", Name: f.Sel.Name, Args: []*worker.Node{receiver}}
	default:
		return nil
	}
	signature := q.info.Types[x.Fun].Type.Underlying().(*types.Signature)
	for i, a := range x.Args {
		if tuple, ok := q.info.Types[a].Type.(*types.Tuple); ok && tuple.Len() != 1 {
			return nil
		}
		parameter := signature.Params().At(min(i, signature.Params().Len()-1)).Type()
		if signature.Variadic() && i >= signature.Params().Len()-1 {
			parameter = parameter.(*types.Slice).Elem()
		}
		arg := q.node(a, types.IsInterface(parameter))
		if arg == nil {
			return nil
		}
		n.Args = append(n.Args, arg)
	}
	q.calls++
	return n
}

// constantNode translates a constant. Its type must be a predeclared one if it is to keep it.
func constantNode(tv types.TypeAndValue, free bool) *worker.Node {
	t := types.Default(tv.Type)
	if _, named := t.(*types.Basic); !named && free {
		return nil
	}
	b, ok := t.Underlying().(*types.Basic)
	if !ok || b.Info()&types.IsConstType == 0 || b.Info()&types.IsComplex != 0 {
		return nil
	}
	n := &worker.Node{Op: "const", Name: b.Name()}
	switch {
	case b.Info()&types.IsString != 0:
		n.Value = constant.StringVal(tv.Value)
	case b.Info()&types.IsBoolean != 0:
		n.Value = strconv.FormatBool(constant.BoolVal(tv.Value))
	case b.Info()&types.IsFloat != 0:
		f, _ := constant.Float64Val(tv.Value)
		if b.Kind() == types.Float32 {
			g, _ := constant.Float32Val(tv.Value)
			f = float64(g)
		}
		n.Value = strconv.FormatFloat(f, 'g', -1, 64)
	default:
		n.Value = constant.ToInt(tv.Value).ExactString()
	}
	switch n.Name {
	case "byte":
		n.Name = "uint8"
	case "rune":
		n.Name = "int32"
	}
	return n
}
