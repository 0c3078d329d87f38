package session

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"goalgap/kernel/worker"
)

// A description is what there is to say about a name, for NAME? and for a front end that asks what stands at the cursor.
type description struct {
	head   string // the declaration, in Go
	doc    string
	value  string // of a variable, shortened; empty if it is not known
	below  string // the methods of a type, or what is said about a variable's type
	source string // empty if it is not known
	prose  string // in place of all others: plain text
}

// text is the description for a terminal.
func (d *description) text(source bool) string {
	if d.prose != "" {
		return d.prose
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s", d.head, indent(d.doc))
	if d.value != "" {
		fmt.Fprintf(&b, "value: %s\n", d.value)
	}
	if d.below != "" {
		fmt.Fprintf(&b, "\n%s\n", d.below)
	}
	if source && d.source != "" {
		fmt.Fprintf(&b, "\n%s\n", d.source)
	}
	return b.String()
}

// markdown is the description for a browser.
func (d *description) markdown(source bool) string {
	code := func(text string) string { return "```go\n" + text + "\n```\n" }
	if d.prose != "" {
		return "```\n" + strings.TrimRight(d.prose, "\n") + "\n```\n"
	}
	var b strings.Builder
	b.WriteString(code(d.head))
	if d.value != "" {
		fmt.Fprintf(&b, "\nvalue: `%s`\n", strings.ReplaceAll(d.value, "`", "'"))
	}
	if d.doc != "" {
		printer := &comment.Printer{HeadingLevel: 4, HeadingID: func(*comment.Heading) string { return "" }, DocLinkBaseURL: "https://pkg.go.dev"}
		fmt.Fprintf(&b, "\n%s", printer.Markdown(new(comment.Parser).Parse(d.doc)))
	}
	if d.below != "" {
		b.WriteString("\n" + code(d.below))
	}
	if source && d.source != "" {
		b.WriteString("\n" + code(d.source))
	}
	return b.String()
}

// resolve describes what a dotted name means to a cell that declares nothing: a name of the session, a package, a
// predeclared name, or a member of one of them.
func (s *Session) resolve(name string) (*description, error) {
	base, members, _ := strings.Cut(name, ".")
	if e := s.names[base]; e != nil {
		return s.describeMember(e.obj, members)
	}
	if types.Universe.Lookup(base) != nil {
		return s.describe(types.Universe.Lookup(base), "", nil), nil
	}
	symbol, rest, _ := strings.Cut(members, ".")
	for _, pkg := range s.packagesNamed(base) {
		if symbol == "" {
			return s.describePackage(pkg), nil
		}
		if o := pkg.Scope().Lookup(symbol); o != nil && o.Exported() {
			return s.describeMember(o, rest)
		}
	}
	return nil, fmt.Errorf("nothing is known as %s", name)
}

// describeMember describes o, or a field or method of its type: members is empty or a list of names with dots between.
func (s *Session) describeMember(o types.Object, members string) (*description, error) {
	owner := ""
	for member := range strings.SplitSeq(members, ".") {
		if member == "" {
			break
		}
		m, path, _ := types.LookupFieldOrMethod(o.Type(), true, o.Pkg(), member)
		if m == nil {
			return nil, fmt.Errorf("%s has no field or method %s", typeName(o.Type()), member)
		}
		owner, o = ownerOf(o.Type(), path), m
	}
	return s.describe(o, owner, nil), nil
}

// ownerOf names the type that declares the member at the end of a path of fields, "" if it has no name.
func ownerOf(t types.Type, path []int) string {
	for _, i := range path[:max(len(path)-1, 0)] {
		st, ok := dereference(t).Underlying().(*types.Struct)
		if !ok || i >= st.NumFields() {
			return ""
		}
		t = st.Field(i).Type()
	}
	if n, ok := types.Unalias(dereference(t)).(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

func dereference(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// describe says what an object is. owner is the type that declares a field or method, if it is known; c is the cell in which
// the object was found, nil if it is none of a cell's own.
func (s *Session) describe(o types.Object, owner string, c *checked) *description {
	if name, ok := o.(*types.PkgName); ok {
		return s.describePackage(name.Imported())
	}
	switch origin := o.(type) {
	case *types.Func:
		o = origin.Origin()
	case *types.Var:
		o = origin.Origin()
	}
	e := s.byObject[o]
	if c != nil && e == nil {
		e = c.aliases[o]
	}
	if e != nil {
		o = e.obj
	}
	d := &description{head: types.ObjectString(o, cellQualifier)}
	w, found := s.writtenDown(o, owner, e, c)
	d.doc, d.source = w.doc, w.text
	switch o := o.(type) {
	case *types.TypeName:
		if found {
			d.head = w.text
			if o.Pkg() != nil && !isCell(o.Pkg()) {
				d.head = exportedPart(w.text)
			}
		}
		if o.Pkg() != nil {
			d.below = methodList(o)
		}
	case *types.Const:
		d.head += " = " + shorten(o.Val().String(), 60)
	case *types.Builtin:
		if found {
			d.head = w.text
		}
	case *types.Var:
		if e != nil && e.cell != nil {
			d.value = s.quickValue(e)
		}
		if n, ok := types.Unalias(dereference(o.Type())).(*types.Named); ok && !o.IsField() && n.Obj().Pkg() != nil {
			if of, ok := s.writtenDown(n.Obj(), "", s.byObject[n.Origin().Obj()], c); ok {
				d.below = of.text
				if !isCell(n.Obj().Pkg()) {
					d.below = exportedPart(of.text)
				}
			}
		}
	}
	return d
}

// writtenDown finds an object's declaration.
func (s *Session) writtenDown(o types.Object, owner string, e *entry, c *checked) (written, bool) {
	switch {
	case o.Pkg() == nil || types.Universe.Lookup(o.Name()) == o:
		if f := s.sources.folder(filepath.Join(s.tools.goRoot(), "src", "builtin")); f != nil {
			return f.find("builtin.go", 0, o.Name())
		}
	case c != nil && o.Pkg() == c.pkg:
		return findDeclared(c.ast.Decls, c.fset, c.text, func(id *ast.Ident) bool { return id.Pos() == o.Pos() })
	case e != nil:
		return s.declared(e.name, "")
	case isCell(o.Pkg()):
		return s.declared(o.Name(), owner)
	default:
		if p := s.fset.Position(o.Pos()); p.IsValid() {
			if f := s.sources.folder(filepath.Dir(s.tools.file(p.Filename))); f != nil {
				return f.find(filepath.Base(p.Filename), p.Line, o.Name())
			}
		}
	}
	return written{}, false
}

// declared finds the declaration of a name of the session that is in force; with an owner, that of a field or method of
// the type.
func (s *Session) declared(name, owner string) (written, bool) {
	for _, d := range slices.Backward(s.declarations) {
		if owner == "" && d.method == "" && d.names[name] == nil || owner != "" && (d.names[owner] == nil || d.method != "" && d.method != name) ||
			owner == "" && d.method != "" && d.method != name {
			continue
		}
		text := fragmentHead + d.text + "\n"
		fset := token.NewFileSet()
		f := parseWithComments(fset, text)
		if f == nil {
			continue
		}
		w, ok := findDeclared(f.Decls, fset, []byte(text), func(id *ast.Ident) bool {
			return id.Name == name && !(owner != "" && d.method == "" && d.names[name] != nil && isDeclaredName(f, id))
		})
		if ok {
			return w, true
		}
	}
	return written{}, false
}

// isDeclaredName tells a type's name from that of a field that is called like it.
func isDeclaredName(f *ast.File, id *ast.Ident) bool {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok {
			for _, spec := range g.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name == id {
					return true
				}
			}
		}
	}
	return false
}

func cellQualifier(p *types.Package) string {
	if isCell(p) {
		return ""
	}
	return p.Name()
}

// methodList lists the methods that a type's users can call.
func methodList(o *types.TypeName) string {
	var t types.Type = o.Type()
	if !types.IsInterface(t) {
		t = types.NewPointer(t)
	} else if o.Pkg() != nil {
		return "" // its declaration shows them
	}
	var lines []string
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		f, ok := set.At(i).Obj().(*types.Func)
		if ok && (f.Exported() || isCell(f.Pkg())) {
			lines = append(lines, types.ObjectString(f, types.RelativeTo(o.Pkg())))
		}
	}
	return strings.Join(lines, "\n")
}

// describePackage shows the first paragraph of a package's comment.
func (s *Session) describePackage(pkg *types.Package) *description {
	d := &description{head: fmt.Sprintf("package %s // import %q", pkg.Name(), pkg.Path())}
	dir := filepath.Join(s.tools.goRoot(), "src", filepath.FromSlash(pkg.Path()))
	for _, n := range pkg.Scope().Names() {
		if p := s.fset.Position(pkg.Scope().Lookup(n).Pos()); p.IsValid() {
			dir = filepath.Dir(s.tools.file(p.Filename))
			break
		}
	}
	if f := s.sources.folder(dir); f != nil {
		d.doc, _, _ = strings.Cut(f.packageComment(), "\n\n")
	}
	return d
}

// goRoot is the folder of the Go distribution.
func (t *Toolchain) goRoot() string {
	return filepath.Dir(filepath.Dir(filepath.Dir(t.toolDir))) // GOROOT/pkg/tool/linux_amd64
}

// file is the path of a file that a compiled package names.
func (t *Toolchain) file(name string) string {
	if rest, ok := strings.CutPrefix(name, "$GOROOT"); ok {
		return t.goRoot() + rest
	}
	return name
}

// quickValue returns the value of a variable of a simple type, the length of a long one, and nothing where the user's code
// would have to run, or the compiler.
func (s *Session) quickValue(e *entry) string {
	node := &worker.Node{Op: "var", Name: e.symbol}
	form := "%s"
	switch t := e.obj.Type().(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return ""
		}
		if t.Kind() == types.String {
			form = "%q"
		}
	case *types.Slice, *types.Map:
		node, form = &worker.Node{Op: "len", Args: []*worker.Node{node}}, "length %s"
	default:
		return ""
	}
	client, err := s.worker()
	if err != nil || e.renewed {
		return ""
	}
	text := ""
	s.capturing(func(ev worker.Event) bool {
		if ev.Kind == "result" {
			text = fmt.Sprint(ev.Data["text/plain"])
		}
		return ev.Kind == "result"
	}, func() *Failure {
		client.Evaluate(worker.Program{Values: []*worker.Node{node}, Show: true})
		return nil
	})
	if text == "" && form != "%q" {
		return ""
	}
	return shorten(fmt.Sprintf(form, text), 80)
}

// help describes a magic command.
func (m *magic) help() string {
	return fmt.Sprintf("%s\n\n%s%s.\n%s\n", m.form(), strings.ToUpper(m.short[:1]), m.short[1:], m.long)
}

func indent(doc string) string {
	if doc = strings.TrimSpace(doc); doc == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(doc, "\n", "\n    ") + "\n"
}
