package session

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// lowering turns a checked cell into the source of a package of its own.
//
// The user's text stays as it is, under line directives, with small edits inside: interrupt checks, uses of variables
// that Go would call unused, and access to unexported fields of types that other cells declare. Names of other cells are
// declared in a preamble: types as aliases, constants as constants, variables by linkname, functions as wrappers that
// call through the variable in which their cell keeps them (so that a later definition can take their place).
type lowering struct {
	*checked
	session *Session
	edits   []edit

	imports     map[string]string     // import path -> name, for types in the preamble
	cells       map[*cellPackage]bool // cells that this one needs -> whether it imports them by name
	reused      map[string]*entry     // variables of the session that the cell assigns to by declaring them again
	structs     []structHome          // struct types without a name that the cell is the first to write
	slots       bytes.Buffer          // sets the variables that hold the cell's functions
	packageUses []packageUse
	emitted     map[string]bool // names of packages in the emitted text
	locals      map[string]bool
	renewal     renewal
	statements  int // written so far
	preamble    bytes.Buffer
	err         error
}

// edit replaces the bytes from .. to of the checked file.
type edit struct {
	from, to int
	text     string
	after    bool // it ends what stands before it
	seq      int
}

// lowered is a cell ready for the compiler.
type lowered struct {
	source  string // with pathPlaceholder in the place of its package path
	deps    []*cellPackage
	entries []*entry // names that the cell gives to the session
	reused  map[string]*entry
	structs []structHome
	renewal renewal
	imports []string // packages, cells not included
}

// pathPlaceholder stands for the path of the package, which is a hash of everything else in it.
const pathPlaceholder = "nb/ΩPATHΩ"

func (s *Session) lower(c *checked) (*lowered, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	l := &lowering{checked: c, session: s, imports: map[string]string{}, cells: map[*cellPackage]bool{},
		reused: map[string]*entry{}, emitted: map[string]bool{}}
	l.renewal = s.renewal(c)
	l.findReused()
	l.findPackageUses()
	l.editTree()
	// What the cell declares, by chunk, and its statements in their order.
	var decls, run bytes.Buffer
	l.entries(&decls, &run)
	renewed := l.renewInterfaces()
	l.declareUsed()
	if l.err != nil {
		return nil, l.err
	}

	var b bytes.Buffer
	b.WriteString("package main\n\nimport ωˍcell \"goalgap/kernel/worker/cell\"\nimport ωˍunsafe \"unsafe\"\n")
	out := &lowered{imports: []string{cellPackagePath}}
	for _, im := range c.imports {
		if l.emitted[im.name] || im.name == "_" {
			fmt.Fprintf(&b, "import %s %q\n", im.name, im.path)
			out.imports = append(out.imports, im.path)
		}
	}
	for _, p := range sortedKeys(l.imports) {
		fmt.Fprintf(&b, "import %s %q\n", l.imports[p], p)
		out.imports = append(out.imports, p)
	}
	for _, d := range s.order {
		if _, ok := l.cells[d]; ok {
			out.deps = append(out.deps, d)
		}
	}
	// A variable that is reached by linkname needs no import: this cell's plugin has one of that name for itself, and the
	// dynamic linker takes the first that was loaded in its place. What is imported is linked again with all that it
	// imports; in a long notebook that would be most cells.
	ordered := l.declaresInit()
	imported := out.deps
	if ordered {
		// Cells in one plugin are initialised in the order of their imports, and init may call any of them.
		imported = closure(out.deps, s.order)
	}
	for _, d := range imported {
		if l.cells[d] {
			fmt.Fprintf(&b, "import %s %q\n", d.importName(), d.path)
		} else if ordered {
			fmt.Fprintf(&b, "import _ %q\n", d.path)
		}
	}
	b.WriteString("\nvar _ ωˍunsafe.Pointer\n")
	b.Write(l.preamble.Bytes())
	b.Write(decls.Bytes())
	fmt.Fprintf(&b, "//line goalgap:1\nfunc %s() {\n", runLowered)
	if hasLoop(l.body) || l.statements > 1 {
		b.WriteString(loopFlag + "\n")
	}
	b.WriteString(renewed)
	b.Write(run.Bytes())
	b.WriteString("\n}\n")
	fmt.Fprintf(&b, "//line goalgap:1\nfunc init() { %sωˍcell.Register(%q, %s) }\n", l.slots.String(), pathPlaceholder, runLowered)
	out.source = b.String()
	out.entries = l.newEntries()
	out.reused = l.reused
	out.structs = l.structs
	out.renewal = l.renewal
	return out, nil
}

// runLowered is the name of the function that executes the cell's statements.
const runLowered = "ωˍrun"

// renewInterfaces returns the calls that give what interfaces hold of types compiled again the new types. Generic types have
// instances that nobody knows of; what interfaces hold of them keeps its type.
func (l *lowering) renewInterfaces() string {
	var pairs strings.Builder
	p := l.body.Pos()
	for _, before := range slices.SortedFunc(maps.Keys(l.renewal), func(a, b *types.TypeName) int { return cmp.Compare(a.Name(), b.Name()) }) {
		if _, ok := before.Type().(*types.Named); ok && typeParamsOf(before.Type()) == nil {
			fmt.Fprintf(&pairs, "(*%s)(nil), (*%s)(nil), ", l.spell(before.Type(), p), before.Name())
		}
	}
	if pairs.Len() == 0 {
		return ""
	}
	mentions := map[string]bool{} // sorted, as the text is part of the cell's name in the cache
	for _, t := range l.session.composed {
		if n := l.renewal.of(t); n != t && l.unspellable(n) == "" {
			mentions["(*"+l.spell(n, p)+")(nil), "] = true
		}
	}
	return "ωˍcell.Mention(" + strings.Join(sortedKeys(mentions), "") + ")\nωˍcell.Renew(" + pairs.String() + ")\n"
}

// declaresInit reports whether the cell has an init function of the user's, which runs when the cell is loaded.
func (l *lowering) declaresInit() bool {
	return slices.ContainsFunc(l.ast.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && f.Name.Name == "init"
	})
}

// findReused finds the variables that the cell declares again with the type that they have: they stay the same
// variables, so that what earlier cells defined sees the new value.
func (l *lowering) findReused() {
	for id, obj := range l.info.Defs {
		v, ok := obj.(*types.Var)
		if !ok || v.Parent() != l.pkg.Scope() {
			continue
		}
		if e := l.session.names[id.Name]; e != nil && isVar(e.obj) && e.cell != nil && types.Identical(e.obj.Type(), v.Type()) && !l.hidden(v) {
			l.reused[id.Name] = e
		}
	}
}

func (l *lowering) edit(from, to token.Pos, text string) {
	l.edits = append(l.edits, edit{l.offset(from), l.offset(to), text, false, len(l.edits)})
}

// insertAfter inserts text that closes what ends at a position.
func (l *lowering) insertAfter(at token.Pos, text string) {
	l.edits = append(l.edits, edit{l.offset(at), l.offset(at), text, true, len(l.edits)})
}

func (l *lowering) insert(at token.Pos, text string) { l.edit(at, at, text) }

// slice returns the text between two offsets of the checked file, with the edits applied.
func (l *lowering) slice(from, to int) string {
	var b strings.Builder
	at := from
	for _, e := range l.edits {
		if e.from < at || e.to > to {
			continue
		}
		l.copy(&b, at, e.from)
		b.WriteString(e.text)
		at = e.to
	}
	l.copy(&b, at, to)
	return b.String()
}

// copy writes a part of the checked file, and notes the packages that it names.
func (l *lowering) copy(b *strings.Builder, from, to int) {
	b.Write(l.text[from:to])
	for _, u := range l.packageUses {
		if from <= u.offset && u.offset < to {
			l.emitted[u.name] = true
		}
	}
}

// A packageUse is a place in the checked file where a package is named.
type packageUse struct {
	offset int
	name   string
}

func (l *lowering) findPackageUses() {
	for id, o := range l.info.Uses {
		if p, ok := o.(*types.PkgName); ok {
			l.packageUses = append(l.packageUses, packageUse{l.offset(id.Pos()), p.Name()})
		}
	}
}

func (l *lowering) sortEdits() {
	slices.SortFunc(l.edits, func(a, b edit) int {
		if c := cmp.Compare(a.from, b.from); c != 0 {
			return c
		}
		switch { // what is closed here comes before what opens here, the innermost first
		case a.after && b.after:
			return cmp.Compare(b.seq, a.seq)
		case a.after:
			return -1
		case b.after:
			return 1
		}
		return cmp.Compare(a.seq, b.seq)
	})
}

func (l *lowering) fail(p token.Pos, format string, args ...any) {
	if l.err == nil {
		l.err = ErrorList{l.sourceError(p, fmt.Sprintf(format, args...))}
	}
}

// lineDirective returns a directive for a position of the user's text.
func (l *lowering) lineDirective(p token.Pos) string {
	pos := l.fset.Position(p)
	return fmt.Sprintf("//line %s:%d:%d\n", pos.Filename, pos.Line, pos.Column)
}

// entries writes the cell's declarations to decls and its statements, in their order, to run.
func (l *lowering) entries(decls, run *bytes.Buffer) {
	l.sortEdits()
	byChunk := map[*chunk][]ast.Node{}
	for _, d := range l.ast.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Body == l.body {
			for _, st := range l.body.List {
				if ch := l.chunkAt(l.offset(st.Pos())); ch != nil {
					byChunk[ch] = append(byChunk[ch], st)
				}
			}
			continue
		}
		p := d.Pos()
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && len(g.Specs) > 0 {
			if v := g.Specs[0].(*ast.ValueSpec); len(v.Values) > 0 {
				p = v.Values[0].Pos()
			} else {
				p = v.Pos()
			}
		}
		if ch := l.chunkAt(l.offset(p)); ch != nil {
			byChunk[ch] = append(byChunk[ch], d)
		}
	}
	vars := l.varOrder(byChunk)
	for i := range l.chunks {
		ch := &l.chunks[i]
		switch {
		case ch.kind == importChunk:
		case ch.kind == declChunk:
			fmt.Fprintf(decls, "//line %s:%d:%d\n%s\n", l.fileOf(ch), ch.line, ch.col, l.slice(ch.start, ch.start+len(ch.text)))
		case ch.kind == varChunk || ch.define != nil && ch.define.declares():
			for _, n := range byChunk[ch] {
				if g, ok := n.(*ast.GenDecl); ok {
					for _, s := range g.Specs {
						vars.write(ch, s.(*ast.ValueSpec), decls, run)
					}
				}
			}
		default:
			for _, n := range byChunk[ch] {
				l.between(run)
				l.statement(n.(ast.Stmt), decls, run)
			}
		}
	}
	l.exports(decls, run)
}

// variables declares the variables of a specification and assigns to them where the user wrote them.
func (l *lowering) variables(ch *chunk, v *ast.ValueSpec, decls, run *bytes.Buffer) {
	var names []string
	for j, n := range v.Names {
		name := n.Name
		if d := ch.define; d != nil {
			if j < len(d.names) {
				name = d.names[j]
			}
		}
		names = append(names, name)
		obj := l.info.Defs[n]
		if name == "_" || obj == nil || l.reused[name] != nil || name != n.Name {
			continue // blank, assigned to, or kept from an earlier cell
		}
		if value := l.hiddenValue(v, j, obj); value != nil {
			fmt.Fprintf(decls, "//line goalgap:1\nvar %s = ωˍcell.Like(%s)\n", name, l.slice(l.offset(value.Pos()), l.offset(value.End())))
			continue
		}
		fmt.Fprintf(decls, "//line goalgap:1\nvar %s %s\n", name, l.typeText(v, obj))
	}
	if len(v.Values) == 0 {
		for j, n := range v.Names {
			if n.Name != "_" {
				fmt.Fprintf(run, "//line goalgap:1\n%s = ωˍcell.Zero[%s]()\n", names[j], l.typeText(v, l.info.Defs[n]))
			}
		}
		return
	}
	l.between(run)
	first, last := v.Values[0], v.Values[len(v.Values)-1]
	run.WriteString(l.lineDirective(v.Pos()))
	if v.Type != nil && allBlank(names) {
		fmt.Fprintf(run, "var %s %s = ", strings.Join(names, ", "), l.slice(l.offset(v.Type.Pos()), l.offset(v.Type.End())))
	} else {
		fmt.Fprintf(run, "%s = ", strings.Join(names, ", "))
	}
	pos := l.fset.Position(first.Pos())
	fmt.Fprintf(run, "/*line %s:%d:%d*/%s\n", l.file, pos.Line, pos.Column, l.slice(l.offset(first.Pos()), l.offset(last.End())))
}

// between puts an interrupt check between two statements: one that could not be stopped has ended by now, and the cell
// must not go on.
func (l *lowering) between(run *bytes.Buffer) {
	if l.statements > 0 {
		run.WriteString("//line goalgap:1\nif *ωˍstop != 0 { ωˍcell.Left(ωˍstop) }\n")
	}
	l.statements++
}

// typeText is the type of a variable as the user wrote it, or spelt.
func (l *lowering) typeText(v *ast.ValueSpec, o types.Object) string {
	if v.Type != nil {
		return l.slice(l.offset(v.Type.Pos()), l.offset(v.Type.End()))
	}
	return l.spell(o.Type(), o.Pos())
}

// statement writes a statement; the value of the last expression is shown, an error that a call returns is checked.
func (l *lowering) statement(st ast.Stmt, decls, run *bytes.Buffer) {
	text := l.slice(l.offset(st.Pos()), l.offset(st.End()))
	if output := l.outputOf(st); output != 0 {
		fmt.Fprintf(run, "//line goalgap:1\nωˍcell.Turn(%d)\n", output)
	}
	run.WriteString(l.lineDirective(st.Pos()))
	es, ok := st.(*ast.ExprStmt)
	if !ok {
		run.WriteString(text + "\n")
		return
	}
	tv := l.info.Types[es.X]
	shown := l.lastExpression() == es.X
	if ch := l.chunkAt(l.offset(st.Pos())); ch != nil && ch.values {
		if !shown {
			text = "ωˍcell.Ignore" + strings.TrimPrefix(text, "ωˍcell.Show")
		}
		run.WriteString(text + "\n")
		return
	}
	_, isCall := ast.Unparen(es.X).(*ast.CallExpr)
	results := 1
	var lastType types.Type = tv.Type
	if tuple, ok := tv.Type.(*types.Tuple); ok {
		results = tuple.Len()
		lastType = nil
		if results > 0 {
			lastType = tuple.At(results - 1).Type()
		}
	}
	if tv.IsVoid() {
		results = 0
	}
	returnsError := isCall && results > 0 && lastType != nil && isError(lastType)
	switch {
	case results == 0:
		run.WriteString(text + "\n")
	case returnsError && (!shown || results == 1 || l.prints(es.X)):
		fmt.Fprintf(run, "ωˍcell.Try(%s)\n", text)
	case returnsError:
		fmt.Fprintf(run, "ωˍcell.ShowChecked(%s)\n", text)
	case shown && tv.IsType():
		l.fail(es.Pos(), "%s is a type, not a value", text)
	case shown && overflowsInt(tv):
		fmt.Fprintf(run, "ωˍcell.Show(%q)\nconst _ = %s\n", tv.Value.ExactString(), text)
	case shown:
		fmt.Fprintf(run, "ωˍcell.Show(%s)\n", text)
	case isCall || isReceive(es.X):
		run.WriteString(text + "\n")
	case !tv.IsNil():
		fmt.Fprintf(run, "_ = %s\n", text)
	}
}

// overflowsInt reports whether a constant has no type and is an integer too large for int, which it would become.
func overflowsInt(tv types.TypeAndValue) bool {
	b, ok := tv.Type.(*types.Basic)
	if !ok || b.Kind() != types.UntypedInt || tv.Value == nil {
		return false
	}
	_, exact := constant.Int64Val(constant.ToInt(tv.Value))
	return !exact
}

func isReceive(e ast.Expr) bool {
	u, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && u.Op == token.ARROW
}

// prints recognises fmt.Println and its like, whose number of bytes nobody wants to see.
func (l *lowering) prints(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	var name *ast.Ident
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = fun.Sel
	case *ast.Ident:
		name = fun
	default:
		return false
	}
	f, ok := l.info.Uses[name].(*types.Func)
	return ok && f.Pkg() != nil && f.Pkg().Path() == "fmt" && strings.Contains(f.Name(), "rint")
}

// exports makes the cell's types, constants and functions reachable for later cells.
func (l *lowering) exports(decls, run *bytes.Buffer) {
	decls.WriteString("//line goalgap:1\n")
	var prologue bytes.Buffer
	for _, name := range l.pkg.Scope().Names() {
		obj := l.pkg.Scope().Lookup(name)
		if !l.isOwn(obj) || name == runName {
			continue
		}
		switch obj := obj.(type) {
		case *types.TypeName:
			params := typeParamsOf(obj.Type())
			if params == nil {
				fmt.Fprintf(decls, "type Ωˍ%s = %s\n", name, name)
				continue
			}
			fmt.Fprintf(decls, "type Ωˍ%s%s = %s%s\n", name, l.typeParams(params, obj.Pos()), name, typeArgs(params))
		case *types.Const:
			fmt.Fprintf(decls, "const Ωˍ%s = %s\n", name, name)
		case *types.Func:
			sig := obj.Type().(*types.Signature)
			if params := sig.TypeParams(); params.Len() > 0 {
				decl, call := l.parameters(sig, obj.Pos())
				fmt.Fprintf(decls, "func Ωˍ%s%s%s { %s%s%s%s }\n", name, l.typeParams(params, obj.Pos()), decl, returns(sig), name, typeArgs(params), call)
				continue
			}
			if e := l.earlierSlot(obj); e != nil {
				// Cells that call the earlier function call this one from now on.
				l.need(e.slot)
				fmt.Fprintf(decls, "//go:linkname ωˍslot_%s %s.ωˍfunc_%s\nvar ωˍslot_%s %s\n", name, e.slot.path, name, name, l.spell(sig, obj.Pos()))
				fmt.Fprintf(&prologue, "ωˍslot_%s = %s\n", name, name)
				continue
			}
			fmt.Fprintf(decls, "var ωˍfunc_%s %s\n", name, l.spell(sig, obj.Pos()))
			fmt.Fprintf(&l.slots, "ωˍfunc_%s = %s; ωˍcell.Name(%q, &ωˍfunc_%s); ", name, name, pathPlaceholder+".ωˍfunc_"+name, name)
		case *types.Var:
			if l.reused[name] == nil && !strings.HasPrefix(name, reservedLower) {
				if l.hidden(obj) {
					fmt.Fprintf(decls, "var Ωˍ%s = &%s\n", name, name)
				}
				fmt.Fprintf(&l.slots, "ωˍcell.Name(%q, &%s); ", pathPlaceholder+"."+name, name)
			}
		}
	}
	for _, h := range l.structs {
		var b strings.Builder
		l.writeType(&b, h.t)
		fmt.Fprintf(decls, "type %s = %s\n", h.name, b.String())
	}
	if prologue.Len() > 0 {
		rest := run.String()
		run.Reset()
		run.WriteString("//line goalgap:1\n" + prologue.String() + rest)
	}
}

// earlierSlot returns the session's function that a function of the cell takes the place of, nil if it is a new one.
func (l *lowering) earlierSlot(f *types.Func) *entry {
	e := l.session.names[f.Name()]
	if e == nil || e.slot == nil {
		return nil
	}
	if types.Identical(e.obj.Type(), f.Type()) || types.Identical(l.renewal.of(e.obj.Type()), f.Type()) {
		return e
	}
	return nil
}

// slotName is the variable that holds the present definition of a function of the cell.
func (l *lowering) slotName(f *types.Func) string {
	if l.earlierSlot(f) != nil {
		return "ωˍslot_" + f.Name()
	}
	return "ωˍfunc_" + f.Name()
}

func (l *lowering) isOwn(obj types.Object) bool {
	return obj.Pkg() == l.pkg && l.session.entryOf(l.checked, obj) == nil
}

func typeParamsOf(t types.Type) *types.TypeParamList {
	switch t := t.(type) {
	case *types.Named:
		if t.TypeParams().Len() > 0 {
			return t.TypeParams()
		}
	case *types.Alias:
		if t.TypeParams().Len() > 0 {
			return t.TypeParams()
		}
	}
	return nil
}

func (l *lowering) typeParams(list *types.TypeParamList, p token.Pos) string {
	var b strings.Builder
	for i := range list.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		tp := list.At(i)
		fmt.Fprintf(&b, "%s %s", tp.Obj().Name(), l.spell(tp.Constraint(), p))
	}
	return "[" + b.String() + "]"
}

func typeArgs(list *types.TypeParamList) string {
	names := make([]string, list.Len())
	for i := range names {
		names[i] = list.At(i).Obj().Name()
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// parameters spells a signature's parameters and results, and the arguments that pass them on.
func (l *lowering) parameters(sig *types.Signature, p token.Pos) (decl, call string) {
	var d, c []string
	for i := range sig.Params().Len() {
		t := sig.Params().At(i).Type()
		name := fmt.Sprintf("ωˍp%d", i)
		if sig.Variadic() && i == sig.Params().Len()-1 {
			if sl, ok := t.(*types.Slice); ok {
				d = append(d, name+" ..."+l.spell(sl.Elem(), p))
			} else {
				d = append(d, name+" ...byte") // append([]byte, string...) cannot be declared by users
			}
			c = append(c, name+"...")
			continue
		}
		d = append(d, name+" "+l.spell(t, p))
		c = append(c, name)
	}
	var r []string
	for i := range sig.Results().Len() {
		r = append(r, l.spell(sig.Results().At(i).Type(), p))
	}
	return "(" + strings.Join(d, ", ") + ") (" + strings.Join(r, ", ") + ")", "(" + strings.Join(c, ", ") + ")"
}

func returns(sig *types.Signature) string {
	if sig.Results().Len() > 0 {
		return "return "
	}
	return ""
}

// newEntries lists the names that the cell gives to the session. The package is filled in when it has been compiled.
func (l *lowering) newEntries() []*entry {
	var list []*entry
	for _, name := range l.pkg.Scope().Names() {
		obj := l.pkg.Scope().Lookup(name)
		if !l.isOwn(obj) || name == runName || strings.HasPrefix(name, "ωˍ") {
			continue
		}
		if l.reused[name] != nil {
			continue
		}
		e := &entry{name: name, obj: obj}
		if f, ok := obj.(*types.Func); ok {
			if old := l.earlierSlot(f); old != nil {
				e.slot = old.slot
				e.renewed = old.renewed || !types.Identical(old.obj.Type(), f.Type())
			}
		}
		list = append(list, e)
	}
	return list
}
