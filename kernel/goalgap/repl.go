package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/term"

	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// consoleCommand is a session at the terminal; what comes through a pipe is executed cell by cell until one fails.
func consoleCommand(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return inputf("console takes no arguments")
	}
	root, err := moduleRoot("")
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working directory: %w", err)
	}
	tools, err := session.PrepareFor(ctx, root, dir, newConsole(os.Stderr).note)
	if err != nil {
		return err
	}
	r := &repl{terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))}
	r.colours = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""
	if r.session, err = session.Open(session.Options{Tools: tools, Dir: dir, Events: r.event}); err != nil {
		return err
	}
	defer r.session.Close()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	go func() {
		for range interrupts {
			r.interrupted.Store(true)
			r.session.Interrupt()
		}
	}()
	if r.terminal {
		return r.converse()
	}
	return r.read(os.Stdin)
}

// A repl reads cells, executes them and prints what they put out.
type repl struct {
	session     *session.Session
	terminal    bool
	colours     bool
	interrupted atomic.Bool
	count       int // of cells

	mu      sync.Mutex
	editor  *term.Terminal // while a line is being typed: output goes above it
	midline bool           // the output does not end with a newline
	live    live
}

// read executes what comes through a pipe.
func (r *repl) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	cell := ""
	for {
		line, err := lines.ReadString('\n')
		cell += line
		if err == nil && session.Complete(cell) == "incomplete" {
			continue
		}
		if strings.TrimSpace(cell) != "" {
			if f := r.execute(cell); f != nil {
				if r.interrupted.Load() {
					return &statusError{status: statusInterrupted}
				}
				return &statusError{status: statusFailed}
			}
		}
		cell = ""
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the standard input: %w", err)
		}
	}
}

// execute runs a cell and shows how it failed.
func (r *repl) execute(cell string) *session.Failure {
	r.count++
	r.interrupted.Store(false)
	end := r.listen()
	f := r.session.Execute(cell, fmt.Sprintf("cell [%d]", r.count))
	end()
	r.flushLive("")
	if f != nil {
		r.freshLine()
		text := strings.Join(f.Traceback, "\n")
		if text == "" {
			text = f.Error()
		}
		if !r.colours {
			text = colour.ReplaceAllString(text, "")
		}
		r.print(os.Stderr, text+"\n")
	}
	if r.terminal {
		r.freshLine()
	}
	return f
}

var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func (r *repl) event(e worker.Event) {
	text, ok := e.Data["text/plain"].(string)
	if id, _ := e.Transient["display_id"].(string); id != "" && ok && !strings.Contains(text, "\n") && (e.Kind == "display" || e.Kind == "update") {
		r.update(id, text)
		return
	}
	if e.Kind != "update" {
		r.flushLive("")
	}
	switch e.Kind {
	case "stdout":
		r.print(os.Stdout, e.Text)
	case "stderr":
		r.print(os.Stderr, e.Text)
	case "result":
		r.freshLine()
		if r.terminal {
			prompt := fmt.Sprintf("Out[%d]: ", r.count)
			if strings.Contains(text, "\n") {
				prompt += "\n"
			}
			text = r.paint("31", prompt) + text
		}
		r.print(os.Stdout, text+"\n")
	case "display":
		if ok {
			r.freshLine()
			r.print(os.Stdout, strings.TrimSuffix(text, "\n")+"\n")
		}
	}
}

func (r *repl) paint(code, text string) string {
	if !r.colours {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// freshLine ends a line that a cell has begun.
func (r *repl) freshLine() {
	r.mu.Lock()
	begun := r.midline
	r.mu.Unlock()
	if begun {
		r.print(os.Stdout, "\n")
	}
}

func (r *repl) print(f *os.File, text string) {
	if text == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.midline = !strings.HasSuffix(text, "\n")
	r.live.shown = false
	if r.editor != nil { // of a goroutine that outlived its cell
		io.WriteString(r.editor, text)
		return
	}
	io.WriteString(f, text)
}

// keyboard tells Ctrl-C from the end of the input, which the editor reports alike.
type keyboard struct {
	io.Reader
	io.Writer
	interrupt bool
}

func (k *keyboard) Read(b []byte) (int, error) {
	n, err := k.Reader.Read(b)
	k.interrupt = strings.ContainsRune(string(b[:n]), 3)
	return n, err
}

// converse reads cells from the terminal until Ctrl-D.
func (r *repl) converse() error {
	fmt.Printf("goalgap %s. Tab completes, NAME? explains, %%help lists commands, Ctrl-C interrupts, Ctrl-D leaves.\n", session.Version)
	past := openHistory()
	cell := ""
	keys := &keyboard{Reader: os.Stdin, Writer: os.Stdout}
	var editor *term.Terminal
	for {
		if editor == nil {
			editor = term.NewTerminal(keys, "")
			editor.History = past
			c := &completer{repl: r, editor: editor, history: past}
			editor.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) { return c.key(cell, line, at, key) }
		}
		line, err := r.readLine(editor, cell == "")
		pasted := errors.Is(err, term.ErrPasteIndicator)
		switch {
		case err == nil || pasted:
		case keys.interrupt:
			fmt.Println("^C")
			cell, editor = "", nil // the editor has no other way to forget its line
			continue
		case errors.Is(err, io.EOF):
			fmt.Println()
			return nil
		default:
			return fmt.Errorf("reading the terminal: %w", err)
		}
		cell += line + "\n"
		// What is pasted is one cell, whatever its lines could be alone.
		if strings.TrimSpace(cell) == "" {
			cell = ""
		} else if !pasted && session.Complete(cell) != "incomplete" {
			r.execute(cell)
			cell = ""
		}
	}
}

// readLine lets the user type a line. Only then the terminal is in raw mode: in a cell, Ctrl-C is a signal.
func (r *repl) readLine(editor *term.Terminal, first bool) (string, error) {
	in := int(os.Stdin.Fd())
	state, err := term.MakeRaw(in)
	if err != nil {
		return "", fmt.Errorf("preparing the terminal: %w", err)
	}
	defer term.Restore(in, state)
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		editor.SetSize(width, height)
	}
	prompt := fmt.Sprintf("In [%d]: ", r.count+1)
	if !first {
		prompt = strings.Repeat(" ", len(prompt)-5) + "...: "
	}
	editor.SetPrompt(r.paint("32", prompt))
	editor.SetBracketedPasteMode(true)
	defer editor.SetBracketedPasteMode(false)
	r.mu.Lock()
	r.editor = editor
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.editor = nil
		r.mu.Unlock()
	}()
	return editor.ReadLine()
}

// A completer answers the keys that the editor does not know: Tab and Ctrl-R.
type completer struct {
	*repl
	editor  *term.Terminal
	history *pastLines

	tab    string // the line after the last Tab
	sought string // what Ctrl-R looks for
	shown  string // what it has found
	next   int
}

// key returns what becomes of a line and its cursor at a key. above are the lines of the cell before it.
func (c *completer) key(above, line string, at int, key rune) (string, int, bool) {
	const ctrlR = 18
	switch key {
	case '\t':
		return c.complete(above, line, at)
	case ctrlR:
		if line != c.shown || line == "" {
			c.sought, c.next = line, 0
		}
		for i := c.next; i < c.history.Len(); i++ {
			if found := c.history.At(i); strings.Contains(found, c.sought) && found != line {
				c.shown, c.next = found, i+1
				return found, len(found), true
			}
		}
	}
	return "", 0, false
}

func (c *completer) complete(above, line string, at int) (string, int, bool) {
	if strings.TrimSpace(line[:at]) == "" {
		const indent = "    "
		return line[:at] + indent + line[at:], at + len(indent), true
	}
	matches, start, end := c.session.Completions(above+line, len(above)+at)
	start, end = start-len(above), end-len(above)
	if len(matches) == 0 || start < 0 {
		return "", 0, false
	}
	common := matches[0]
	for _, m := range matches[1:] {
		for !strings.HasPrefix(m, common) {
			_, n := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-n]
		}
	}
	if len(common) > end-start {
		c.tab = line[:start] + common + line[end:]
		return c.tab, start + len(common), true
	}
	if c.tab != line {
		c.tab = line
		return "", 0, false
	}
	c.tab = ""
	io.WriteString(c.editor, columns(matches))
	return "", 0, false
}

// columns writes names side by side.
func columns(names []string) string {
	const most, width = 200, 80
	left := len(names) - most
	names = names[:min(len(names), most)]
	longest := 0
	for _, n := range names {
		longest = max(longest, utf8.RuneCountInString(n)+2)
	}
	var b strings.Builder
	each := max(width/longest, 1)
	for i, n := range names {
		b.WriteString(n)
		if i%each == each-1 || i == len(names)-1 {
			b.WriteString("\n")
		} else {
			b.WriteString(strings.Repeat(" ", longest-utf8.RuneCountInString(n)))
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "… and %d more\n", left)
	}
	return b.String()
}
