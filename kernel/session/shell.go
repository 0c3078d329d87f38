package session

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"goalgap/kernel/worker"
)

// stopShell is how long an interrupted command may take to end before it is killed.
const stopShell = time.Second

// flushShell is how long output waits for more: front ends cannot take a message per line.
const flushShell = 40 * time.Millisecond

func init() {
	bash := func(name, program string) *magic {
		return &magic{name: name, short: "the cell is a " + program + " script",
			long: "Runs the rest of the cell by " + program + ", in the session's directory and environment.",
			cell: func(m *magicCall) *Failure {
				return m.shell(exec.Command(program, append([]string{"-c", m.body, program}, strings.Fields(m.args)...)...), "")
			}}
	}
	addMagics(
		bash("bash", "bash"), bash("sh", "sh"),
		&magic{name: "script", usage: "PROGRAM", short: "the cell is the input of a program",
			long: "Runs PROGRAM, with its arguments, and gives it the rest of the cell on its standard input: %%script python3.",
			cell: func(m *magicCall) *Failure {
				if m.args == "" {
					return m.usage()
				}
				return m.shell(shellCommand(m.args), m.body)
			}},
	)
}

// shellCommand runs a line by bash, or by what there is.
func shellCommand(line string) *exec.Cmd {
	program := "bash"
	if _, err := exec.LookPath(program); err != nil {
		program = "sh"
	}
	return exec.Command(program, "-c", line)
}

func (s *Session) shellLine(p part, label string) *Failure {
	m := &magicCall{Session: s, label: label, line: p.line}
	if strings.TrimSpace(p.text) == "" {
		return m.fail("a shell line is ! and a command")
	}
	line, f := m.expand(p.text)
	if f != nil {
		return f
	}
	return m.shell(shellCommand(line), "")
}

var braced = regexp.MustCompile(`[$\\]?\{[^{}\n]+\}`)

// expand puts values into a shell line: {x + 1} stands for what the expression's value prints as, where it is an expression
// that mentions a name of the session. Any other brace is the shell's own.
func (m *magicCall) expand(line string) (string, *Failure) {
	var failure *Failure
	expanded := braced.ReplaceAllStringFunc(line, func(found string) string {
		inner := strings.TrimSuffix(strings.TrimPrefix(found, "{"), "}")
		e, err := parser.ParseExpr(inner)
		if failure != nil || found[0] != '{' || err != nil || !m.mentionsName(e) {
			return found
		}
		text, f := m.value("import shellˍfmt \"fmt\"\nshellˍfmt.Sprint("+inner+")", m.label)
		if f != nil {
			failure = f
			return found
		}
		return text
	})
	return expanded, failure
}

// mentionsName reports whether a name of the session stands in an expression.
func (m *magicCall) mentionsName(e ast.Expr) (known bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			known = known || m.mentionsName(n.X)
			return false
		case *ast.Ident:
			known = known || m.names[n.Name] != nil
		}
		return true
	})
	return known
}

// shell runs a command in the session's directory and environment. What it prints is streamed; an interrupt ends it with
// everything that it started.
func (m *magicCall) shell(cmd *exec.Cmd, input string) *Failure {
	client, err := m.worker()
	if err != nil {
		return m.failure("shell", err)
	}
	environment, err := client.Environment(worker.EnvironmentChange{})
	if err != nil {
		return m.failure("shell", err)
	}
	cmd.Dir, cmd.Env = environment.Dir, environment.Env
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	start := time.Now()
	defer func() { m.magicClock().add(time.Since(start)) }()
	return m.interruptible(func(ctx context.Context) *Failure {
		err := m.stream(ctx, cmd)
		var exit *exec.ExitError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &exit) && exit.ExitCode() >= 0:
			return m.failure("shell", fmt.Errorf("the command ended with exit status %d", exit.ExitCode()))
		case errors.As(err, &exit):
			return m.failure("shell", fmt.Errorf("the command was ended: %v", err))
		}
		return m.failure("shell", fmt.Errorf("running the command: %w", err))
	})
}

// stream runs a command and puts out what it prints. What stays in the background after its end prints on.
func (s *Session) stream(ctx context.Context, cmd *exec.Cmd) error {
	var files []*os.File
	var readers sync.WaitGroup
	for _, kind := range []string{"stdout", "stderr"} {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("making a pipe: %w", err)
		}
		if kind == "stdout" {
			cmd.Stdout = w
		} else {
			cmd.Stderr = w
		}
		files = append(files, w)
		readers.Go(func() { s.streamText(kind, r) })
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithKernel(cmd.SysProcAttr)
	done := make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		// The signal at the kernel's death is bound to the thread that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		for _, f := range files {
			f.Close()
		}
		started <- err
		if err == nil {
			done <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	group := -cmd.Process.Pid
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		syscall.Kill(group, syscall.SIGINT)
		select {
		case err = <-done:
		case <-time.After(stopShell):
		}
		syscall.Kill(group, syscall.SIGKILL)
		if err == nil {
			err = ctx.Err()
		}
	}
	drained := make(chan struct{})
	go func() {
		readers.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(5 * flushShell):
	}
	return err
}

// streamText puts out what comes from a pipe, in pieces of whole characters.
func (s *Session) streamText(kind string, r io.ReadCloser) {
	defer r.Close()
	chunks := make(chan []byte, 4)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 1<<15)
			n, err := r.Read(buf)
			if n > 0 {
				chunks <- buf[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	var pending []byte
	flush := func(all bool) {
		n := len(pending)
		if !all {
			n = wholeRunes(pending)
		}
		if n > 0 {
			s.events(worker.Event{Kind: kind, Text: strings.ToValidUTF8(string(pending[:n]), "\uFFFD")})
			pending = append([]byte(nil), pending[n:]...)
		}
	}
	timer := time.NewTimer(time.Hour)
	for {
		select {
		case b, ok := <-chunks:
			if !ok {
				flush(true)
				return
			}
			if len(pending) == 0 {
				timer.Reset(flushShell)
			}
			if pending = append(pending, b...); len(pending) > 1<<18 {
				flush(false)
			}
		case <-timer.C:
			if flush(false); len(pending) > 0 {
				timer.Reset(flushShell)
			}
		}
	}
}

// wholeRunes returns the length of b without an unfinished character at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}
