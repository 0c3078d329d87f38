package session

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
)

func init() {
	addMagics(
		&magic{name: "load", usage: "FILE", short: "put a file's text into the next cell",
			long: "Where the front end cannot do that, the text is shown.",
			line: func(m *magicCall) *Failure {
				text, f := m.readFile(m.args)
				if f != nil {
					return f
				}
				m.Session.magic.mu.Lock()
				m.Session.magic.payload = append(m.Session.magic.payload, map[string]any{"source": "set_next_input", "replace": true,
					"text": "// %load " + m.args + "\n" + text})
				m.Session.magic.mu.Unlock()
				m.print("%s", text)
				return nil
			}},
		&magic{name: "run", usage: "FILE.go", short: "execute a Go file as if it were a cell",
			long: "Its declarations become names of the session; its function main, if there is one, is called.",
			line: func(m *magicCall) *Failure { return m.runFile() }},
		&magic{name: "save", usage: "[-f] FILE [CELLS]", short: "write the session's cells to a file",
			long: "Writes the cells that were executed without an error, in their order, with a mark before each. CELLS are numbers and ranges:\n" +
				"1-3 5. A file that exists is replaced only with -f. %run executes what was saved.",
			line: func(m *magicCall) *Failure { return m.save() }},
		&magic{name: "writefile", usage: "[-a] FILE", short: "write the cell to a file",
			long: "With -a it is appended to the file.",
			cell: func(m *magicCall) *Failure {
				args, appended := takeFlag(fields(m.args), "-a")
				if len(args) != 1 {
					return m.usage()
				}
				path, f := m.file(args[0])
				if f != nil {
					return f
				}
				flags, verb := os.O_WRONLY|os.O_CREATE|os.O_TRUNC, "Writing"
				if _, err := os.Stat(path); err == nil {
					verb = "Overwriting"
				}
				if appended {
					flags, verb = os.O_WRONLY|os.O_CREATE|os.O_APPEND, "Appending to"
				}
				file, err := os.OpenFile(path, flags, 0o666)
				if err != nil {
					return m.fail("%w", err)
				}
				_, err = file.WriteString(m.body)
				if closeErr := file.Close(); err == nil {
					err = closeErr
				}
				if err != nil {
					return m.fail("%w", err)
				}
				m.print("%s %s\n", verb, args[0])
				return nil
			}},
		&magic{name: "history", usage: "[-n N]", short: "show the cells that were executed",
			long: "-n shows the last N. Each has its number before it.",
			line: func(m *magicCall) *Failure {
				args, n, err := takeOption(fields(m.args), "-n")
				log := m.Session.magic.log
				if err == nil && n != "" {
					var count int
					if count, err = strconv.Atoi(n); err == nil {
						log = log[max(0, len(log)-max(count, 0)):]
					}
				}
				if err != nil || len(args) > 0 {
					return m.usage()
				}
				for _, c := range log {
					m.print("%3d: %s\n", c.number, strings.ReplaceAll(strings.TrimRight(c.source, "\n"), "\n", "\n     "))
				}
				return nil
			}},
	)
}

var labelNumber = regexp.MustCompile(`\d+`)

// logCell remembers that a cell was executed.
func (s *Session) logCell(source, label string, ok bool) {
	if strings.TrimSpace(source) == "" || label == "expression" {
		return
	}
	number := len(s.magic.log) + 1
	if n, err := strconv.Atoi(labelNumber.FindString(label)); err == nil {
		number = n
	}
	s.magic.log = append(s.magic.log, loggedCell{number, label, source, ok})
}

// runFile executes a Go file: without its package clause it is a cell.
func (m *magicCall) runFile() *Failure {
	args := fields(m.args)
	if len(args) != 1 {
		return m.usage()
	}
	text, f := m.readFile(args[0])
	if f != nil {
		return f
	}
	hasMain := false
	if file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ParseComments); err == nil {
		from, to := int(file.Package)-1, int(file.Name.End())-1
		text = text[:from] + strings.Repeat(" ", to-from) + text[to:]
		for _, d := range file.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && fd.Name.Name == "main" {
				hasMain = true
			}
		}
	}
	if hasMain {
		text += "\nmain()\n"
	}
	parts := m.cut(text)
	if parts == nil {
		parts = []part{{kind: goPart, text: text, line: 1}}
	}
	return m.executeParts(cutAtMarks(parts), text, args[0])
}

// cellMark begins a cell in a file that %save has written, as in other editors' files.
const cellMark = "// %%"

// cutAtMarks divides Go into the cells that it was saved from: names may change their meaning from cell to cell.
func cutAtMarks(parts []part) []part {
	var list []part
	for _, p := range parts {
		if p.kind != goPart {
			list = append(list, p)
			continue
		}
		from, line := 0, p.line
		at := 0
		for l := range strings.Lines(p.text) {
			if strings.HasPrefix(l, cellMark) && at > from {
				list = append(list, part{kind: goPart, text: p.text[from:at], line: line})
				line += strings.Count(p.text[from:at], "\n")
				from = at
			}
			at += len(l)
		}
		list = append(list, part{kind: goPart, text: p.text[from:], line: line})
	}
	return list
}

// parseRanges reads the numbers of cells: 1-3 5.
func parseRanges(words []string) (map[int]bool, error) {
	chosen := map[int]bool{}
	for _, w := range words {
		for r := range strings.SplitSeq(strings.Trim(w, ","), ",") {
			first, last, isRange := strings.Cut(r, "-")
			a, err := strconv.Atoi(first)
			b := a
			if err == nil && isRange {
				b, err = strconv.Atoi(last)
			}
			if err != nil || b < a || b-a > 1e6 {
				return nil, fmt.Errorf("%q is no number of a cell, and no range like 1-3", r)
			}
			for ; a <= b; a++ {
				chosen[a] = true
			}
		}
	}
	return chosen, nil
}

func (m *magicCall) save() *Failure {
	args, force := takeFlag(fields(m.args), "-f")
	if len(args) == 0 {
		return m.usage()
	}
	chosen, err := parseRanges(args[1:])
	if err != nil {
		return m.fail("%w", err)
	}
	var cells []loggedCell
	for _, c := range m.Session.magic.log {
		if c.ok && (len(args) == 1 || chosen[c.number]) {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return m.fail("nothing to save: no such cell was executed without an error")
	}
	path, f := m.file(args[0])
	if f != nil {
		return f
	}
	if _, err := os.Stat(path); err == nil && !force {
		return m.fail("the file %s exists: %%save -f replaces it", args[0])
	}
	if err := os.WriteFile(path, []byte(m.asFile(cells)), 0o666); err != nil {
		return m.fail("%w", err)
	}
	m.print("%d cells were written to %s\n", len(cells), args[0])
	return nil
}

// asFile writes cells one after the other, each under a mark; what was a magic command stands in a comment.
func (m *magicCall) asFile(cells []loggedCell) string {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s cell %d\n", cellMark, c.number)
		parts := m.cut(c.source)
		if parts == nil {
			parts = []part{{kind: goPart, text: c.source, to: len(c.source)}}
		}
		for _, p := range parts {
			if p.kind == goPart {
				b.WriteString(strings.TrimRight(p.text, "\n") + "\n")
				continue
			}
			for line := range strings.Lines(c.source[p.from:p.to]) {
				b.WriteString("// " + strings.TrimRight(line, "\n") + "\n")
			}
		}
	}
	return b.String()
}

// parseCommented parses declarations with their comments.
func parseCommented(text string) *ast.File {
	return parseWithComments(token.NewFileSet(), fragmentHead+text+"\n")
}

func parseWithComments(fset *token.FileSet, text string) *ast.File {
	f, err := parser.ParseFile(fset, "", text, parser.ParseComments)
	if err != nil {
		return nil
	}
	return f
}
