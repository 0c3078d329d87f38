package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"goalgap/kernel/worker"
)

// A magic is a command to the notebook rather than Go: a line that begins with % and its name, or a cell whose first line
// begins with %% and its name. The names and their manners are IPython's and GoNB's.
type magic struct {
	name  string
	usage string // what may follow the name
	short string // one line
	long  string // more, for %help NAME
	line  func(*magicCall) *Failure
	cell  func(*magicCall) *Failure // nil: it has no form with %%
}

// A magicCall is one use of a magic.
type magicCall struct {
	*Session
	magic    *magic
	args     string
	body     string // of a cell magic
	bodyLine int    // where the body begins in the cell, from 1
	source   string // the cell
	label    string
	line     int // of the cell, from 1
	col      int // where the arguments begin, from 1
	last     bool
	help     bool // NAME?
}

// magics are the commands by name; the files of this package that implement them add them.
var magics = map[string]*magic{}

func addMagics(list ...*magic) {
	for _, m := range list {
		magics[m.name] = m
	}
}

func magicNames() []string { return slices.Sorted(maps.Keys(magics)) }

// magicState is what magic commands remember in a session.
type magicState struct {
	log    []loggedCell
	client *worker.Client // the worker that has the settings below
	set    map[string]string
	unset  map[string]bool
	before string // the directory before the last %cd
	limit  int64  // of the worker's memory; 0 is none
	clock  *clock // where the times of what runs are added up; nil: nowhere

	mu      sync.Mutex
	out     func(worker.Event)
	capture func(worker.Event) bool // takes events away from the front end
	relabel bool                    // of text: file names of cells become what people call them
	payload []map[string]any
}

// A loggedCell is a cell that was executed.
type loggedCell struct {
	number        int
	label, source string
	ok            bool
}

// oneAtATime makes the session's events come one at a time: while a magic command puts something out, what earlier
// cells left running in the worker may do so too.
func (s *Session) oneAtATime() {
	s.magic.out = s.events
	s.events = func(e worker.Event) {
		s.magic.mu.Lock()
		defer s.magic.mu.Unlock()
		if s.magic.capture != nil && s.magic.capture(e) {
			return
		}
		if s.magic.relabel && e.Text != "" {
			e.Text = s.relabel(e.Text)
		}
		s.magic.out(e)
	}
}

// capturing runs f while take decides which events do not reach the front end.
func (s *Session) capturing(take func(worker.Event) bool, f func() *Failure) *Failure {
	before := s.setCapture(take)
	defer func() { s.setCapture(before) }()
	return f()
}

// setCapture returns who took events before.
func (s *Session) setCapture(take func(worker.Event) bool) (before func(worker.Event) bool) {
	s.magic.mu.Lock()
	defer s.magic.mu.Unlock()
	before, s.magic.capture = s.magic.capture, take
	return before
}

// value compiles and runs Go, and returns the text of its last expression.
func (s *Session) value(source, label string) (text string, f *Failure) {
	imports := maps.Clone(s.imports)
	f = s.capturing(func(e worker.Event) bool {
		if e.Kind == "result" {
			text = fmt.Sprint(e.Data["text/plain"])
		}
		return e.Kind == "result"
	}, func() *Failure { return s.runGo(source, label) })
	if f == nil || !f.Died {
		s.imports = imports
	}
	return text, f
}

// runGo runs Go text that is a part of a cell, at the same lines.
func (s *Session) runGo(source, label string) *Failure {
	return s.executeGo(source, s.nameFile(source, label), label)
}

// nameFile makes the name that a cell has in positions.
func (s *Session) nameFile(source, label string) string {
	sum := sha256.Sum256([]byte(source))
	file := "cell-" + hex.EncodeToString(sum[:4])
	s.labels[file] = label
	return file
}

// goBody reports whether the body of the magic's cell is Go.
func (m *magic) goBody() bool {
	return slices.Contains([]string{"time", "timeit", "capture", "test", "bench"}, m.name)
}

func (s *Session) print(format string, args ...any) {
	s.events(worker.Event{Kind: "stdout", Text: fmt.Sprintf(format, args...)})
}

func (s *Session) show(mimeType, content, text string) {
	s.events(worker.Event{Kind: "display", Data: map[string]any{mimeType: content, "text/plain": text}})
}

// TakePayload returns what the last cell wants of the front end besides showing its output, in the form of the payload of
// Jupyter's execute_reply ({"source": "set_next_input", …}), and forgets it.
func (s *Session) TakePayload() []map[string]any {
	s.magic.mu.Lock()
	defer s.magic.mu.Unlock()
	p := s.magic.payload
	s.magic.payload = nil
	return p
}

// interruptible runs f with a context that Interrupt cancels.
func (s *Session) interruptible(f func(context.Context) *Failure) *Failure {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	s.compiling = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.compiling = nil
		s.mu.Unlock()
	}()
	failure := f(ctx)
	if ctx.Err() != nil {
		return &Failure{Name: "interrupted", Value: "the cell was interrupted", Interrupted: true,
			Traceback: []string{red + "interrupted" + plain + ": the cell was interrupted"}}
	}
	return failure
}

// fail makes the failure of a magic command.
func (m *magicCall) fail(format string, args ...any) *Failure {
	err := fmt.Errorf(format, args...)
	return m.failure("magic", err)
}

func (m *magicCall) failure(name string, err error) *Failure {
	f := &Failure{Name: name, Value: firstLine(err.Error()), Line: m.line}
	f.Traceback = []string{fmt.Sprintf("%s:%d: %s%s%s: %s", m.label, m.line, red, name, plain, err)}
	return f
}

func (m *magicCall) usage() *Failure {
	return m.fail("this is used as %s", m.magic.form())
}

// form is how the magic is written.
func (m *magic) form() string {
	prefix := "%"
	if m.line == nil {
		prefix = "%%"
	}
	return strings.TrimSpace(prefix + m.name + " " + m.usage)
}

// worker returns the running worker, or an error if the session is closed.
func (s *Session) worker() (*worker.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return nil, errors.New("the session is closed")
	}
	return s.client, nil
}

// renew throws away the worker, and with it all names, and starts another one.
func (s *Session) renew() error {
	if client, err := s.worker(); err == nil {
		client.Close()
	}
	if err := s.startWorker(); err != nil {
		return err
	}
	return s.settle()
}

// settle gives a new worker the settings that magic commands have made.
func (s *Session) settle() error {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil || client == s.magic.client {
		return nil
	}
	s.magic.client = client
	if len(s.magic.set)+len(s.magic.unset) > 0 {
		if _, err := client.Environment(worker.EnvironmentChange{Set: s.magic.set, Unset: slices.Sorted(maps.Keys(s.magic.unset))}); err != nil {
			return err
		}
	}
	if s.magic.limit > 0 {
		return s.limitMemory(client)
	}
	return nil
}

// executeParts runs a cell that has magic commands in it, part by part.
func (s *Session) executeParts(parts []part, source, label string) *Failure {
	parts = testsLast(parts)
	last := -1 // of the parts, which shows its value
	for i, p := range parts {
		if p.kind != goPart || strings.TrimSpace(p.text) != "" {
			last = i
		}
	}
	for i, p := range parts {
		var f *Failure
		switch p.kind {
		case goPart:
			f = s.goPart(p, label, i == last)
		case shellPart:
			f = s.shellLine(p, label)
		default:
			f = s.magicPart(p, source, label, i == last)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// goPart runs the Go between magic commands; its last value is shown if it ends the cell.
func (s *Session) goPart(p part, label string, last bool) *Failure {
	text := goText(p, last)
	if text == "" {
		return nil
	}
	return s.runGo(text, label)
}

// goText is the Go of a part as a cell of its own, at the same lines; "" if there is none.
func goText(p part, last bool) string {
	text := p.text
	chunks, err := split(text)
	if err == nil && len(chunks) == 0 {
		return ""
	}
	if err == nil && !last {
		if c := chunks[len(chunks)-1]; c.kind == stmtChunk && !c.silenced {
			text = text[:c.end] + ";" + text[c.end:]
		}
	}
	return strings.Repeat("\n", p.line-1) + text
}

func (s *Session) magicPart(p part, source, label string, last bool) *Failure {
	m := &magicCall{Session: s, args: p.args, body: p.body, bodyLine: p.line + 1, source: source, label: label, line: p.line, col: p.argsCol, last: last}
	if p.kind == helpPart {
		m.help = true
		return m.explain(p.name, p.args)
	}
	if p.name == "" || p.kind == linePart && p.name == "main" {
		return nil // GoNB's mark between declarations and statements
	}
	m.magic = magics[p.name]
	switch {
	case m.magic == nil:
		what := "%" + p.name
		if near := nearest(p.name, magicNames()); near != "" {
			return m.fail("there is no magic command %s; did you mean %%%s? (%%lsmagic lists all)", what, near)
		}
		return m.fail("there is no magic command %s (%%lsmagic lists all)", what)
	case p.kind == cellPart && m.magic.cell == nil:
		return m.fail("%%%s is a line, not a whole cell: write %s", p.name, m.magic.form())
	case p.kind == cellPart:
		return m.magic.cell(m)
	case m.magic.line == nil:
		return m.fail("%%%%%s takes a whole cell: write it in the first line, its text in the lines below", p.name)
	}
	return m.magic.line(m)
}

// runBody runs the body of a cell magic as a cell, at its lines.
func (m *magicCall) runBody() *Failure {
	body := strings.Repeat("\n", m.bodyLine-1) + m.body
	if parts := m.cut(body); parts != nil {
		return m.executeParts(parts, m.source, m.label)
	}
	return m.runGo(body, m.label)
}

// nearest returns the name that is closest to what was typed, if one is close.
func nearest(typed string, names []string) string {
	best, distance := "", max(2, len(typed)/2)
	for _, n := range names {
		if d := editDistance(strings.ToLower(typed), n); d < distance || d == distance && best == "" {
			best, distance = n, d
		}
	}
	return best
}

// editDistance is Levenshtein's: how many letters have to be added, removed or changed.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
