package session

import (
	"context"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"log"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Inspect says what the name at the cursor stands for, or, where there is none, what function the cursor's call calls.
// cursor is a byte offset; data holds a text by media type. With detail 1 the source is shown too.
func (s *Session) Inspect(source string, cursor, detail int) (data map[string]any, found bool) {
	s.run.Lock()
	defer s.run.Unlock()
	defer func() {
		if p := recover(); p != nil { // half-written code can be stranger than the checker expects
			log.Printf("goalgap: inspecting: %v", p)
			data, found = nil, false
		}
	}()
	cursor = min(max(cursor, 0), len(source))
	d := s.inspect(source, cursor)
	if d == nil {
		return nil, false
	}
	return map[string]any{"text/plain": d.text(detail > 0), "text/markdown": d.markdown(detail > 0)}, true
}

func (s *Session) inspect(source string, cursor int) *description {
	for _, p := range s.cut(source) {
		if p.kind == goPart || cursor < p.from || cursor > p.to {
			continue
		}
		known := magics[p.name]
		head, _, _ := strings.Cut(source[p.from:p.to], "\n")
		switch at := strings.Index(head, p.name); {
		case p.kind == helpPart && strings.HasPrefix(p.name, "%"):
			known = magics[strings.TrimLeft(p.name, "%")]
		case p.kind == helpPart:
			d, _ := s.resolve(p.name)
			return d
		case known != nil && cursor > p.from+at+len(p.name) && (known.goBody() || p.name == "doc" || p.name == "del"):
			known = nil
			if p.name == "doc" || p.name == "del" {
				d, _ := s.resolve(dotted(source, cursor))
				return d
			}
		case cursor > p.from+len(head):
			return nil // not Go
		}
		if known != nil {
			return &description{prose: known.help()}
		}
		if p.kind == shellPart {
			return nil
		}
	}
	source = s.withoutMagics(source)
	tokens := scan(source)
	if path := importPathAt(tokens, cursor); path != nil {
		text, _ := strconv.Unquote(path.text)
		if s.tools.ensure(context.Background(), []string{text}) == nil {
			if pkg, err := s.importer.Import(text); err == nil {
				return s.describePackage(pkg)
			}
		}
		return nil
	}
	if end := nameAt(tokens, source, cursor); end >= 0 {
		if d := s.describeAt(source, end); d != nil {
			return d
		}
	}
	if end := calledAt(tokens, cursor); end >= 0 {
		return s.describeAt(source, end)
	}
	return nil
}

// describeAt describes the identifier or selector that ends at an offset.
func (s *Session) describeAt(source string, end int) *description {
	if e, c := s.typedExpression(source[:end], source[end:]); e != nil {
		id, ok := e.(*ast.Ident)
		sel, selects := e.(*ast.SelectorExpr)
		owner := ""
		if selects {
			id, ok = sel.Sel, true
			if selection := c.info.Selections[sel]; selection != nil {
				owner = ownerOf(selection.Recv(), selection.Index())
			}
		}
		if ok {
			if o := c.info.ObjectOf(id); o != nil && o.Name() != "_" {
				return s.describe(o, owner, c)
			}
		}
	}
	d, _ := s.resolve(dotted(source, end))
	return d
}

// dotted returns the names with dots between them around an offset, up to the end of the name that it touches.
func dotted(source string, at int) string {
	from, to := at, at
	for from > 0 {
		r, n := utf8.DecodeLastRuneInString(source[:from])
		if r != '.' && !identifierRune(r) {
			break
		}
		from -= n
	}
	for to < len(source) {
		r, n := utf8.DecodeRuneInString(source[to:])
		if !identifierRune(r) {
			break
		}
		to += n
	}
	return source[from:to]
}

// A lexeme is a token of a cell.
type lexeme struct {
	token token.Token
	text  string
	from  int
	to    int
}

// scan cuts a cell into tokens, comments included; what is wrong with it does not matter.
func scan(source string) []lexeme {
	var sc scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	sc.Init(file, []byte(source), func(token.Position, string) {}, scanner.ScanComments)
	var list []lexeme
	for {
		p, t, text := sc.Scan()
		if t == token.EOF {
			return list
		}
		from := file.Offset(p)
		switch {
		case t == token.SEMICOLON && text == "\n":
			text = ""
		case text == "":
			text = t.String()
		}
		list = append(list, lexeme{t, text, from, min(from+len(text), len(source))})
	}
}

// nameAt returns where the identifier ends that the cursor touches, or that stands before it on an otherwise finished
// line; -1 if there is none.
func nameAt(tokens []lexeme, source string, cursor int) int {
	before := -1
	for _, l := range tokens {
		if l.from <= cursor && cursor <= l.to && (l.token == token.IDENT) {
			return l.to
		}
		if l.to <= cursor && l.to > l.from {
			before = -1
			if l.token == token.IDENT && strings.TrimLeft(source[l.to:cursor], " \t") == "" {
				before = l.to
			}
		}
	}
	return before
}

// calledAt returns where the name of the function ends in whose call the cursor stands, -1 if it stands in none.
func calledAt(tokens []lexeme, cursor int) int {
	type bracket struct {
		opens token.Token
		name  int // where the name before it ends
	}
	var open []bracket
	name := -1
	for _, l := range tokens {
		if l.from >= cursor {
			break
		}
		switch l.token {
		case token.COMMENT:
			continue
		case token.LPAREN, token.LBRACK, token.LBRACE:
			open = append(open, bracket{l.token, name})
			name = -1
		case token.RPAREN, token.RBRACE, token.RBRACK:
			name = -1
			if n := len(open); n > 0 {
				if l.token == token.RBRACK {
					name = open[n-1].name // f[int](…)
				}
				open = open[:n-1]
			}
		case token.IDENT:
			name = l.to
		default:
			name = -1
		}
	}
	for _, b := range slices.Backward(open) {
		if b.opens == token.LPAREN && b.name >= 0 {
			return b.name
		}
		if b.opens == token.LBRACE {
			break // a function literal, say
		}
	}
	return -1
}

// importPathAt returns the string literal of an import declaration in which the cursor stands, nil if it stands in none.
func importPathAt(tokens []lexeme, cursor int) *lexeme {
	imports, group := false, false
	for i, l := range tokens {
		switch {
		case l.token == token.IMPORT:
			imports, group = true, false
		case l.token == token.LPAREN && imports:
			group = true
		case l.token == token.RPAREN, l.token == token.SEMICOLON && !group:
			imports, group = false, false
		case l.token == token.STRING && imports && l.from < cursor && cursor <= l.to:
			return &tokens[i]
		}
	}
	return nil
}

// closed adds to the beginning of a cell what it needs to be parsed: the closing brackets, and the block of a for or if.
func closed(before string) string {
	var open []byte
	header := []bool{false}
	for _, l := range scan(before) {
		at := len(header) - 1
		switch l.token {
		case token.FOR, token.IF, token.SWITCH, token.SELECT:
			header[at] = true
		case token.LPAREN, token.LBRACK, token.LBRACE:
			if l.token == token.LBRACE {
				header[at] = false
			}
			open = append(open, map[token.Token]byte{token.LPAREN: ')', token.LBRACK: ']', token.LBRACE: '}'}[l.token])
			header = append(header, false)
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if len(open) > 0 {
				open, header = open[:len(open)-1], header[:at]
			}
		}
	}
	var b strings.Builder
	b.WriteString(before)
	for i := len(open); i >= 0; i-- {
		if header[i] {
			b.WriteString(" {}")
		}
		if i > 0 {
			b.WriteByte(open[i-1])
		}
	}
	return b.String()
}

// packagesNamed loads the packages that a cell could get under a name without importing it, best first.
func (s *Session) packagesNamed(name string) []*types.Package {
	paths := s.tools.candidates(name)
	if path := s.imports[name]; path != "" {
		paths = []string{path}
	}
	var list []*types.Package
	for _, path := range paths {
		if s.tools.ensure(context.Background(), []string{path}) != nil {
			continue
		}
		if pkg, err := s.importer.Import(path); err == nil {
			list = append(list, pkg)
		}
	}
	return list
}
