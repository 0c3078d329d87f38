package session

import (
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

func init() {
	addMagics(
		&magic{name: "who", usage: "[KIND]", short: "list the session's names", long: "KIND can be var, const, type or func.",
			line: func(m *magicCall) *Failure {
				var names []string
				for _, e := range m.userNames() {
					if m.args == "" || strings.TrimSuffix(m.args, "s") == kindOf(e.obj) {
						names = append(names, e.name)
					}
				}
				if names == nil {
					m.print("nothing is declared\n")
					return nil
				}
				m.print("%s\n", strings.Join(names, "\t"))
				return nil
			}},
		&magic{name: "whos", short: "list the session's names with their types and values",
			long: "Values are shortened: of slices, maps and structs only the beginning is shown.",
			line: func(m *magicCall) *Failure { return m.whos() }},
		&magic{name: "reset", usage: "[-f]", short: "forget all names, in a new process",
			long: "The worker process is replaced. Directory, environment and memory limit stay. -f, for IPython's sake, changes nothing: nobody is asked.",
			line: func(m *magicCall) *Failure {
				if err := m.renew(); err != nil {
					return m.fail("starting a new worker: %w", err)
				}
				m.print("all names are forgotten; a new worker is ready\n")
				return nil
			}},
		&magic{name: "del", usage: "NAME …", short: "forget names",
			long: "Code of earlier cells that uses a forgotten name goes on with it. An explicit import is forgotten likewise.",
			line: func(m *magicCall) *Failure {
				names := strings.FieldsFunc(m.args, func(r rune) bool { return r == ' ' || r == ',' })
				if len(names) == 0 {
					return m.usage()
				}
				for _, n := range names {
					if e := m.names[n]; (e == nil || e.cell == nil) && m.imports[n] == "" {
						return m.fail("the session has no name %s", n)
					}
				}
				for _, n := range names {
					delete(m.names, n)
					delete(m.imports, n)
				}
				return nil
			}},
	)
}

// userNames returns what cells have declared, by name.
func (s *Session) userNames() []*entry {
	var list []*entry
	for _, n := range slices.Sorted(maps.Keys(s.names)) {
		if e := s.names[n]; e.cell != nil {
			list = append(list, e)
		}
	}
	return list
}

func kindOf(o types.Object) string {
	switch o.(type) {
	case *types.Var:
		return "var"
	case *types.Const:
		return "const"
	case *types.TypeName:
		return "type"
	}
	return "func"
}

// typeName writes a type as a cell would: names of the session stand alone, others with their package.
func typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if isCell(p) {
			return ""
		}
		return p.Name()
	})
}

// describeProgram is a function that writes values briefly, whatever they hold, also what is not exported.
const describeProgram = `func() string {
	var whosˍb whosˍstrings.Builder
	var whosˍwrite func(v whosˍreflect.Value, depth int)
	whosˍwrite = func(v whosˍreflect.Value, depth int) {
		if whosˍb.Len() > 400 { return }
		list := func(open, close string, n int, item func(i int)) {
			whosˍb.WriteString(open)
			for i := range min(n, 8) {
				if i > 0 { whosˍb.WriteString(" ") }
				item(i)
			}
			if n > 8 { whosˍb.WriteString(" …") }
			whosˍb.WriteString(close)
		}
		switch v.Kind() {
		case whosˍreflect.Invalid: whosˍb.WriteString("<nil>")
		case whosˍreflect.Bool: whosˍfmt.Fprint(&whosˍb, v.Bool())
		case whosˍreflect.Int, whosˍreflect.Int8, whosˍreflect.Int16, whosˍreflect.Int32, whosˍreflect.Int64:
			if v.Type().PkgPath() != "" && v.CanInterface() { whosˍfmt.Fprint(&whosˍb, v.Interface()) } else { whosˍfmt.Fprint(&whosˍb, v.Int()) }
		case whosˍreflect.Uint, whosˍreflect.Uint8, whosˍreflect.Uint16, whosˍreflect.Uint32, whosˍreflect.Uint64, whosˍreflect.Uintptr: whosˍfmt.Fprint(&whosˍb, v.Uint())
		case whosˍreflect.Float32, whosˍreflect.Float64: whosˍfmt.Fprint(&whosˍb, v.Float())
		case whosˍreflect.Complex64, whosˍreflect.Complex128: whosˍfmt.Fprint(&whosˍb, v.Complex())
		case whosˍreflect.String: if s := v.String(); len(s) > 60 { whosˍfmt.Fprintf(&whosˍb, "%q…", s[:60]) } else { whosˍfmt.Fprintf(&whosˍb, "%q", s) }
		case whosˍreflect.Slice, whosˍreflect.Array:
			if v.Len() > 8 { whosˍfmt.Fprintf(&whosˍb, "len %d: ", v.Len()) }
			list("[", "]", v.Len(), func(i int) { whosˍwrite(v.Index(i), depth+1) })
		case whosˍreflect.Map:
			keys := v.MapRange()
			if v.Len() > 8 { whosˍfmt.Fprintf(&whosˍb, "len %d: ", v.Len()) }
			list("map[", "]", v.Len(), func(i int) { if keys.Next() { whosˍwrite(keys.Key(), depth+1); whosˍb.WriteString(":"); whosˍwrite(keys.Value(), depth+1) } })
		case whosˍreflect.Struct: list("{", "}", v.NumField(), func(i int) { whosˍb.WriteString(v.Type().Field(i).Name+":"); whosˍwrite(v.Field(i), depth+1) })
		case whosˍreflect.Pointer, whosˍreflect.Interface:
			if v.IsNil() { whosˍb.WriteString("<nil>"); return }
			if depth > 2 { whosˍb.WriteString("…"); return }
			if v.Kind() == whosˍreflect.Pointer { whosˍb.WriteString("&") }
			whosˍwrite(v.Elem(), depth+1)
		default:
			if v.Kind() != whosˍreflect.UnsafePointer && v.IsNil() { whosˍb.WriteString("<nil>") } else { whosˍfmt.Fprintf(&whosˍb, "%#x", v.Pointer()) }
		}
	}
	var whosˍall []string
	for _, v := range []any{VALUES} {
		whosˍb.Reset()
		whosˍwrite(whosˍreflect.ValueOf(v).Elem(), 0)
		whosˍall = append(whosˍall, whosˍfmt.Sprintf("%q", whosˍb.String()))
	}
	return whosˍstrings.Join(whosˍall, "\n")
}()`

// values writes variables of the session briefly, by name.
func (s *Session) values(names []string) (map[string]string, *Failure) {
	if len(names) == 0 {
		return nil, nil
	}
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = "&" + n
	}
	text, f := s.value("import whosˍfmt \"fmt\"\nimport whosˍreflect \"reflect\"\nimport whosˍstrings \"strings\"\n"+
		strings.Replace(describeProgram, "VALUES", strings.Join(list, ", "), 1), "magic command")
	if f != nil {
		return nil, f
	}
	values := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		var v string
		if _, err := fmt.Sscanf(line, "%q", &v); err == nil && i < len(names) {
			values[names[i]] = shorten(strings.Join(strings.Fields(v), " "), 60)
		}
	}
	return values, nil
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func (m *magicCall) whos() *Failure {
	entries := m.userNames()
	var variables []string
	for _, e := range entries {
		if isVar(e.obj) {
			variables = append(variables, e.name)
		}
	}
	values, f := m.values(variables)
	if f != nil {
		return f
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 3, ' ', 0)
	fmt.Fprintln(w, "Name\tKind\tType\tValue")
	for _, e := range entries {
		t, value := typeName(e.obj.Type()), values[e.name]
		switch o := e.obj.(type) {
		case *types.Const:
			value = shorten(o.Val().String(), 60)
		case *types.TypeName:
			t = typeName(o.Type().Underlying())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.name, kindOf(e.obj), shorten(strings.Join(strings.Fields(t), " "), 50), value)
	}
	for _, n := range slices.Sorted(maps.Keys(m.imports)) {
		if !strings.ContainsAny(n, " ") {
			fmt.Fprintf(w, "%s\tpackage\t%s\t\n", n, m.imports[n])
		}
	}
	w.Flush()
	for line := range strings.Lines(b.String()) {
		m.print("%s\n", strings.TrimRight(line, " \n"))
	}
	return nil
}
