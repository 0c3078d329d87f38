package session

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
)

// Names that the rewriter makes begin with these letters and a mark that no keyboard types, so that they stay clear of
// the user's, Greek ones included.
const (
	reservedLower = "ωˍ"
	reservedUpper = "Ωˍ"
)

// A chunk is a piece of a cell that stands at its top level: a declaration or a statement. Go's parser knows files of
// declarations and bodies of statements, not the two mixed, so a cell is first cut into chunks.
type chunk struct {
	kind      chunkKind
	text      string
	off, end  int  // where text stands in the cell
	line, col int  // the same, from 1
	silenced  bool // a semicolon was typed behind it
	declares  []string

	// For a statement of the form a, b := e that declares session variables:
	define *define
	file   string // name of an earlier cell in positions, if it is that one's text
	values bool   // it is a list of expressions, whose values are shown

	// from is where the chunk begins in the file that is type-checked, start where its text begins there.
	from, start int
}

type chunkKind int

const (
	importChunk chunkKind = iota
	declChunk             // type, const or func
	varChunk
	stmtChunk
)

// define describes a, b := e at the top level.
type define struct {
	names  []string // as written, "_" included
	tokOff int      // offset of := in the chunk's text
	fresh  []bool   // the name is not declared by an earlier chunk of the cell
}

// split cuts source into chunks. It fails only on characters that are not Go; wrong syntax shows when the chunks are
// parsed.
func split(source string) ([]chunk, error) {
	src := []byte(source)
	if bom := []byte("\ufeff"); bytes.HasPrefix(src, bom) {
		copy(src, "   ")
	}
	clause := packageClause.FindSubmatchIndex(src)
	if clause != nil {
		for i := clause[2]; i < clause[3]; i++ {
			src[i] = ' '
		}
	}
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var sc scanner.Scanner
	var scanErr error
	fault := func(pos token.Position, msg string) {
		if scanErr == nil {
			scanErr = &SourceError{Line: pos.Line, Col: pos.Column, Msg: msg}
		}
	}
	sc.Init(file, bytes.Clone(src), fault, scanner.ScanComments)

	type tok struct {
		tok token.Token
		lit string
		off int
	}
	var chunks []chunk
	var toks []tok
	depth, begin := 0, 0
	header := false // before the block of a for, if or switch, whose semicolons end nothing
	finish := func(end int, silenced bool) {
		header = false
		if len(toks) == 0 {
			begin = end
			return
		}
		text := string(src[begin:end])
		lead := len(text) - len(strings.TrimLeft(text, " \t\r\n;"))
		off := begin + lead
		pos := file.PositionFor(file.Pos(off), false)
		c := chunk{text: strings.TrimRight(text[lead:], " \t\r\n"), off: off, line: pos.Line, col: pos.Column, silenced: silenced}
		switch toks[0].tok {
		case token.IMPORT:
			c.kind = importChunk
		case token.TYPE, token.CONST:
			c.kind = declChunk
		case token.VAR:
			c.kind = varChunk
		case token.FUNC:
			kinds := make([]token.Token, len(toks))
			for i, t := range toks {
				kinds[i] = t.tok
			}
			c.kind = stmtChunk
			if isFuncDecl(kinds) {
				c.kind = declChunk
			}
		default:
			c.kind = stmtChunk
		}
		c.end = c.off + len(c.text)
		chunks = append(chunks, c)
		toks, begin = toks[:0], end
	}
	for {
		p, t, lit := sc.Scan()
		off := file.Offset(p)
		switch t {
		case token.EOF:
			finish(len(src), false)
			if scanErr != nil {
				return nil, scanErr
			}
			if clause != nil && mainFunction.Match(src) {
				line := bytes.Count(src[:clause[2]], []byte("\n")) + 1
				chunks = append(chunks, chunk{kind: stmtChunk, text: "main()", off: len(src), end: len(src), line: line, col: 1, silenced: true})
			}
			return chunks, nil
		case token.COMMENT:
			// The only line directives are the rewriter's.
			if strings.HasPrefix(lit[2:], "line ") {
				src[off+2] = 'L'
			}
			continue
		case token.IDENT:
			if strings.HasPrefix(lit, reservedLower) || strings.HasPrefix(lit, reservedUpper) {
				fault(file.PositionFor(p, false), "names that begin with "+lit[:len(reservedLower)]+" are the kernel's own")
			}
		case token.FOR, token.IF, token.SWITCH:
			header = header || depth == 0
		case token.LPAREN, token.LBRACK, token.LBRACE:
			if t == token.LBRACE && depth == 0 {
				header = false
			}
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth = max(depth-1, 0)
		case token.SEMICOLON:
			if depth == 0 && !(header && lit == ";") {
				if lit == ";" && len(toks) > 0 {
					finish(off, true)
					begin = off + 1
				} else if lit == ";" {
					// A lone semicolon behind the newline that ended a chunk does not silence it.
					begin = off + 1
				} else {
					finish(off, false)
				}
				continue
			}
		}
		toks = append(toks, tok{t, lit, off})
	}
}

// A whole program may be pasted into a cell: its package clause says nothing new, and its main is called at the end.
var (
	packageClause = regexp.MustCompile(`\A(?:\s|//[^\n]*\n|/\*(?s:.*?)\*/)*(package[ \t]+main\b)`)
	mainFunction  = regexp.MustCompile(`(?m)^func main\(\)`)
)

// isFuncDecl tells func f(…) and func (r T) f(…) from a function literal that is called: func() {…}().
func isFuncDecl(toks []token.Token) bool {
	if len(toks) < 2 {
		return true
	}
	if toks[1] == token.IDENT {
		return true
	}
	depth := 0
	for i := 1; i < len(toks); i++ {
		switch toks[i] {
		case token.LPAREN:
			depth++
		case token.RPAREN:
			depth--
			if depth == 0 {
				return i+2 < len(toks) && toks[i+1] == token.IDENT && toks[i+2] == token.LPAREN
			}
		}
	}
	return false
}

// analyse finds out which names the chunks declare. A name that an earlier x := … or var of the same cell declares is
// assigned to, as in a, err := f(); b, err := g().
func analyse(chunks []chunk) {
	declared := map[string]bool{}
	for i := range chunks {
		c := &chunks[i]
		switch c.kind {
		case declChunk, varChunk:
			f := parseFragment(c.text + "\n")
			if f == nil {
				continue
			}
			for n := range declaredNames(f.Decls) {
				c.declares = append(c.declares, n)
				if c.kind == varChunk {
					declared[n] = true
				}
			}
		case stmtChunk:
			const head = "func _() {\n"
			f := parseFragment(head + c.text + "\n}")
			if f == nil {
				c.values = isList(c.text)
				continue
			}
			body := f.Decls[0].(*ast.FuncDecl).Body
			if len(body.List) != 1 {
				continue
			}
			a, ok := body.List[0].(*ast.AssignStmt)
			if !ok || a.Tok != token.DEFINE {
				continue
			}
			d := &define{tokOff: int(a.TokPos) - 1 - len(fragmentHead) - len(head)}
			for _, l := range a.Lhs {
				id, ok := l.(*ast.Ident)
				if !ok {
					d = nil
					break
				}
				d.names = append(d.names, id.Name)
				d.fresh = append(d.fresh, id.Name != "_" && !declared[id.Name])
			}
			if d == nil {
				continue
			}
			for j, n := range d.names {
				if d.fresh[j] {
					c.declares = append(c.declares, n)
					declared[n] = true
				}
			}
			c.define = d
		}
	}
}

// isList reports whether text is several expressions with commas between them.
func isList(text string) bool {
	e, err := parser.ParseExpr("_(" + text + ")")
	if err != nil {
		return false
	}
	call, ok := e.(*ast.CallExpr)
	return ok && len(call.Args) > 1 && !call.Ellipsis.IsValid()
}

// declaredNames returns the package-level names that declarations give, methods not included.
func declaredNames(decls []ast.Decl) map[string]bool {
	names := map[string]bool{}
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names[n.Name] = true
					}
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				}
			}
		}
	}
	delete(names, "_")
	return names
}

func allBlank(names []string) bool {
	for _, n := range names {
		if n != "_" {
			return false
		}
	}
	return true
}

const fragmentHead = "package p\n"

func parseFragment(text string) *ast.File {
	f, err := parser.ParseFile(token.NewFileSet(), "", fragmentHead+text, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	return f
}

// SourceError is a mistake at a place in a cell.
type SourceError struct {
	Line, Col int // from 1
	Msg       string
	file      string // of the earlier cell that it is a mistake in; empty for the cell itself
}

func (e *SourceError) Error() string { return fmt.Sprintf("line %d:%d: %s", e.Line, e.Col, e.Msg) }

// Complete says whether source is a whole cell: "complete", "incomplete" if more lines can make it one, or "invalid".
func Complete(source string) string {
	status, source := completeMagics(source)
	if status != "" {
		return status
	}
	depth := 0
	var sc scanner.Scanner
	fset := token.NewFileSet()
	unterminated, invalid := false, false
	sc.Init(fset.AddFile("", -1, len(source)), []byte(source), func(_ token.Position, msg string) {
		if strings.Contains(msg, "raw string literal not terminated") || strings.Contains(msg, "comment not terminated") {
			unterminated = true
		} else {
			invalid = true
		}
	}, 0)
	last := token.EOF
	for {
		_, t, lit := sc.Scan()
		if t == token.EOF {
			break
		}
		switch t {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth--
		}
		if t != token.SEMICOLON || lit == ";" {
			last = t
		}
	}
	if !invalid && !unterminated && depth >= 0 {
		at, wrong := syntaxError(source)
		invalid = wrong && at < len(strings.TrimRight(source, " \t\r\n"))
		if wrong && !invalid && depth == 0 && !last.IsOperator() && last != token.ELSE {
			return "invalid" // nothing can follow in the next line
		}
	}
	switch {
	case invalid || depth < 0:
		return "invalid"
	case last == token.ELSE || unterminated || depth > 0 || last.IsOperator() && last != token.RPAREN && last != token.RBRACK && last != token.RBRACE &&
		last != token.SEMICOLON && last != token.INC && last != token.DEC:
		return "incomplete"
	}
	return "complete"
}

// syntaxError returns where in a cell the parser finds the first mistake; wrong is false if it finds none.
func syntaxError(source string) (at int, wrong bool) {
	chunks, err := split(source)
	if err != nil {
		return 0, true
	}
	analyse(chunks)
	for i := range chunks {
		ch := &chunks[i]
		head := fragmentHead
		text := ch.text + "\n"
		switch {
		case ch.values:
			head += "func _() { _("
			text = ch.text + ")}"
		case ch.kind == stmtChunk:
			head += "func _() { "
			text += "}"
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", head+text, parser.SkipObjectResolution); err != nil {
			var list scanner.ErrorList
			if errors.As(err, &list) {
				return ch.off + min(len(ch.text), max(0, list[0].Pos.Offset-len(head))), true
			}
			return ch.off, true
		}
	}
	return 0, false
}
