package session

import (
	"context"
	"fmt"
	"go/types"
	"runtime"
	"strings"
	"text/tabwriter"
)

// Version is goalgap's, as %version and the kernel's information say it.
const Version = "0.1.0"

func init() {
	addMagics(
		&magic{name: "help", usage: "[NAME]", short: "list the magic commands, or explain one",
			long: "The same as %NAME? for a magic command.",
			line: func(m *magicCall) *Failure {
				if m.args == "" {
					m.print("%s", magicTable())
					return nil
				}
				return m.explain("%"+strings.TrimLeft(m.args, "%"), "?")
			}},
		&magic{name: "lsmagic", short: "list the names of the magic commands", long: "%help says what each is for.",
			line: func(m *magicCall) *Failure {
				var lines, cells []string
				for _, n := range magicNames() {
					if magics[n].line != nil {
						lines = append(lines, "%"+n)
					}
					if magics[n].cell != nil {
						cells = append(cells, "%%"+n)
					}
				}
				m.print("Lines:\n%s\n\nCells:\n%s\n", strings.Join(lines, "  "), strings.Join(cells, "  "))
				return nil
			}},
		&magic{name: "version", short: "say which goalgap and which Go this is", long: "With the operating system and the processor.",
			line: func(m *magicCall) *Failure {
				m.print("goalgap %s, %s, %s/%s\n", Version, m.tools.version, runtime.GOOS, runtime.GOARCH)
				return nil
			}},
		&magic{name: "doc", usage: "NAME", short: "show the documentation of a package, of what is in it, or of a name of the session",
			long: "NAME? at the beginning of a statement does the same; NAME?? shows the source too.",
			line: func(m *magicCall) *Failure {
				if m.args == "" {
					return m.usage()
				}
				return m.explain(m.args, "?")
			}},
	)
}

func magicTable() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, n := range magicNames() {
		m := magics[n]
		form := m.form()
		if m.line != nil && m.cell != nil {
			form += ", %%" + n
		}
		fmt.Fprintf(w, "%s\t%s\n", form, m.short)
	}
	fmt.Fprintf(w, "!COMMAND\trun a command by the shell; {x + 1} in it is the value of an expression\n")
	fmt.Fprintf(w, "NAME?, NAME??\tshow the documentation of a name, with ?? its source\n")
	w.Flush()
	return b.String()
}

// explain answers NAME? and, with the source, NAME??.
func (m *magicCall) explain(name, marks string) *Failure {
	if m.magic == nil {
		m.magic = magics["doc"]
	}
	if strings.HasPrefix(name, "%") {
		name = strings.TrimLeft(name, "%")
		known := magics[name]
		if known == nil {
			if near := nearest(name, magicNames()); near != "" {
				return m.fail("there is no magic command %%%s; did you mean %%%s?", name, near)
			}
			return m.fail("there is no magic command %%%s (%%lsmagic lists all)", name)
		}
		m.tell(known.help())
		return nil
	}
	source := marks == "??"
	words := strings.Fields(name)
	base, members, _ := strings.Cut(words[0], ".")
	if e := m.names[base]; e != nil && !strings.Contains(base, "/") {
		return m.explainName(e, members, source)
	}
	return m.goDoc(words, source)
}

// explainName shows a name of the session, or a field or method of what it is.
func (m *magicCall) explainName(e *entry, members string, source bool) *Failure {
	d, err := m.describeMember(e.obj, members)
	if err != nil {
		return m.fail("%w", err)
	}
	if members == "" && isVar(e.obj) && e.cell != nil {
		if values, f := m.values([]string{e.name}); f == nil {
			d.value = values[e.name]
		}
	}
	m.tell(d.text(source))
	return nil
}

// goDoc asks the toolchain for the documentation of a package or of what is in it.
func (m *magicCall) goDoc(words []string, source bool) *Failure {
	args := []string{"doc"}
	if source {
		args = append(args, "-src")
	}
	if len(words) == 1 && !strings.Contains(words[0], "/") {
		// What a cell would mean by the package's name.
		base, symbol, _ := strings.Cut(words[0], ".")
		path := m.imports[base]
		if path == "" {
			if all := m.tools.candidates(base); len(all) > 0 {
				path = all[0]
				for _, p := range all {
					if pkg, err := m.packageAt(p); err == nil && symbol != "" && pkg.Scope().Lookup(strings.SplitN(symbol, ".", 2)[0]) != nil {
						path = p
						break
					}
				}
			}
		}
		if path == "" && types.Universe.Lookup(base) != nil {
			d, err := m.describeMember(types.Universe.Lookup(base), symbol)
			if err != nil {
				return m.fail("%w", err)
			}
			m.tell(d.text(source))
			return nil
		}
		if path == "" {
			return m.fail("nothing is known as %s: it is neither a name of the session nor a package", base)
		}
		words = []string{path}
		if symbol != "" {
			words = append(words, symbol)
		}
	}
	var text string
	f := m.goCommand(&text, append(args, words...)...)
	if f == nil {
		m.tell(strings.TrimRight(text, "\n") + "\n")
	}
	return f
}

func (m *magicCall) packageAt(path string) (*types.Package, error) {
	if err := m.tools.ensure(context.Background(), []string{path}); err != nil {
		return nil, err
	}
	return m.importer.Import(path)
}

// tell gives an answer to NAME? to the front end's pager, and prints that to others.
func (m *magicCall) tell(text string) {
	s := m.Session
	if !m.help || !s.pager {
		m.print("%s", text)
		return
	}
	s.magic.mu.Lock()
	defer s.magic.mu.Unlock()
	for _, p := range s.magic.payload {
		if p["source"] == "page" { // front ends show one page
			data := p["data"].(map[string]any)
			data["text/plain"] = data["text/plain"].(string) + "\n" + text
			return
		}
	}
	s.magic.payload = append(s.magic.payload, map[string]any{"source": "page", "start": 0, "data": map[string]any{"text/plain": text}})
}
