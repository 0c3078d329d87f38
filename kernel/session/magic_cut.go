package session

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

type partKind int

const (
	goPart    partKind = iota
	linePart           // %name args
	cellPart           // %%name args, and the rest of the cell
	shellPart          // !command
	helpPart           // name? or name??
)

// A part is a piece of a cell: Go, or a magic command.
type part struct {
	kind    partKind
	text    string // Go, or the command of a shell line
	line    int    // of the cell, from 1
	name    string // of a magic; what help is asked for
	args    string
	argsCol int    // from 1
	body    string // of a cell magic
	from    int    // where the part begins in the cell, and where it ends
	to      int
}

var helpLine = regexp.MustCompile(`^(\?{1,2})?\s*(%{0,2}[\pL_][\pL\pN_.]*)\s*(\?{1,2})?$`)

// cut divides a cell into Go and magic commands; nil means that it has none of them. A magic command is a line that begins
// where a statement of the cell could, so what stands in strings, comments, blocks and continued expressions is Go.
func (s *Session) cut(source string) []part {
	if !mayHaveMagics(source) {
		return nil
	}
	lead := source[:len(source)-len(strings.TrimLeft(source, " \t\r\n\ufeff"))]
	if rest := source[len(lead):]; strings.HasPrefix(rest, "%%") {
		first, body, _ := strings.Cut(rest, "\n")
		p := magicLine(first[1:], 1+strings.Count(lead, "\n"), 1)
		if p.name != "" && p.kind == linePart {
			p.kind, p.body, p.from, p.to = cellPart, body, len(lead), len(source)
			return []part{p}
		}
	}
	var parts []part
	at, line, commands := 0, 1, false
	for {
		from, to := s.nextMagic(source, at)
		end := from
		if from < 0 {
			end = len(source)
		}
		if text := source[at:end]; text != "" {
			parts = append(parts, part{kind: goPart, text: text, line: line, from: at, to: end})
			line += strings.Count(text, "\n")
		}
		if from < 0 {
			break
		}
		commands = true
		text := source[from:to]
		trimmed := strings.TrimLeft(text, " \t")
		var p part
		switch {
		case helpLine.MatchString(strings.TrimSpace(text)) && strings.Contains(text, "?"):
			m := helpLine.FindStringSubmatch(strings.TrimSpace(text))
			p = part{kind: helpPart, name: m[2], args: m[1] + m[3]}
		case trimmed[0] == '!' || trimmed[0] == '$':
			p = part{kind: shellPart, text: strings.TrimLeft(trimmed[1:], "!")}
		default:
			p = magicLine(trimmed, line, len(text)-len(trimmed)+1)
		}
		p.line, p.from, p.to = line, from, to
		parts = append(parts, p)
		at = min(to+1, len(source))
		line += strings.Count(source[from:at], "\n")
	}
	if !commands {
		return nil
	}
	return parts
}

// magicLine reads "%name args" that begins in a column.
func magicLine(text string, line, col int) part {
	rest := strings.TrimLeft(text[1:], "%")
	n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && r != '-' && !identifierRune(r) })
	if n < 0 {
		n = len(rest)
	}
	args := strings.TrimLeft(rest[n:], " \t")
	p := part{kind: linePart, name: rest[:n], line: line, argsCol: col + len(text) - len(args)}
	p.args = strings.TrimSpace(strings.ReplaceAll(args, "\\\n", " "))
	if p.args == "?" || p.args == "??" {
		return part{kind: helpPart, name: "%" + p.name, args: p.args, line: line}
	}
	return p
}

// mayHaveMagics is a quick look: without magic commands, a cell is compiled as it stands.
func mayHaveMagics(source string) bool {
	for line := range strings.Lines(source) {
		if t := strings.Trim(line, " \t\r\n\ufeff"); t != "" && (strings.ContainsRune("%!?$", rune(t[0])) || t[len(t)-1] == '?') {
			return true
		}
	}
	return false
}

// nextMagic finds the next magic line from an offset on at which a statement could begin.
func (s *Session) nextMagic(source string, at int) (from, to int) {
	src := []byte(source[at:])
	file := token.NewFileSet().AddFile("", -1, len(src))
	var sc scanner.Scanner
	sc.Init(file, src, func(token.Position, string) {}, 0)
	depth, begins := 0, true
	for {
		p, t, _ := sc.Scan()
		off := at + file.Offset(p)
		switch t {
		case token.EOF:
			return -1, -1
		case token.SEMICOLON:
			begins = begins || depth == 0
			continue
		}
		if begins && depth == 0 {
			start := strings.LastIndexByte(source[:off], '\n') + 1
			if strings.TrimSpace(source[start:off]) == "" {
				end := lineEnd(source, off)
				if s.isMagic(source[off:end], source[:start]) {
					return start, end
				}
			}
		}
		begins = false
		switch t {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth = max(depth-1, 0)
		}
	}
}

// lineEnd returns where the line ends; magic lines that end with a backslash go on.
func lineEnd(source string, at int) int {
	magic := strings.ContainsRune("%!$", rune(source[at]))
	for {
		i := strings.IndexByte(source[at:], '\n')
		if i < 0 {
			return len(source)
		}
		at += i
		if !magic || source[at-1] != '\\' {
			return at
		}
		at++
	}
}

// isMagic reports whether a line at the beginning of a statement is a magic command. above is the cell above it.
func (s *Session) isMagic(line, above string) bool {
	switch line[0] {
	case '%', '$': // $ is gophernotes' spelling of a shell line
		return true
	case '!':
		return !s.isNegation(line, above)
	}
	return strings.Contains(line, "?") && helpLine.MatchString(strings.TrimSpace(line))
}

// isNegation tells !done, where done is a variable, and !strings.Contains(…) from the command of a shell line.
func (s *Session) isNegation(line, above string) bool {
	e, err := parser.ParseExpr(line)
	if err != nil {
		return false
	}
	for {
		switch x := e.(type) {
		case *ast.UnaryExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.BinaryExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.CallExpr:
			// No shell command has a parenthesis right behind its name.
			return x.Lparen == x.Fun.End()
		case *ast.Ident:
			if known := s.names[x.Name]; known != nil && isVar(known.obj) {
				b, ok := known.obj.Type().Underlying().(*types.Basic)
				return !ok || b.Kind() == types.Bool || strings.ContainsAny(line, ".[(")
			}
			chunks, err := split(above)
			if err != nil {
				return false
			}
			analyse(chunks)
			for _, c := range chunks {
				for _, n := range c.declares {
					if n == x.Name {
						return true
					}
				}
			}
			return s.names[x.Name] != nil
		default:
			return false
		}
	}
}

// withoutMagics blanks the magic commands of a cell: what the type checker sees of it. The Go in the bodies of cell magics
// stays, and so does the statement behind %time.
func (s *Session) withoutMagics(source string) string {
	parts := s.cut(source)
	if parts == nil {
		return source
	}
	b := []byte(source)
	for _, p := range parts {
		to := p.to
		switch known := magics[p.name]; {
		case p.kind == goPart:
			continue
		case p.kind == cellPart && known != nil && known.goBody():
			to -= len(p.body)
		case p.kind == linePart && (p.name == "time" || p.name == "timeit") && !strings.HasPrefix(p.args, "-"):
			to = p.from + p.argsCol - 1
		}
		for i := p.from; i < to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}

// testsLast moves %test and %bench from the first line of a cell behind its declarations.
func testsLast(parts []part) []part {
	i := 0
	for i < len(parts) && parts[i].kind == goPart && strings.TrimSpace(parts[i].text) == "" {
		i++
	}
	if i == len(parts) || parts[i].kind != linePart || parts[i].name != "test" && parts[i].name != "bench" {
		return parts
	}
	var moved []part
	moved = append(append(moved, parts[:i]...), parts[i+1:]...)
	return append(moved, parts[i])
}
