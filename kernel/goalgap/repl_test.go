package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

func TestConsoleExecutesAPipe(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		input, stdout, stderr string
		status                int
	}{
		"output":          {"fmt.Println(6*7)\n", "42\n", "", 0},
		"values":          {"x := 41\nx + 1", "42\n", "", 0},
		"several lines":   {"func f() int {\n\treturn 7\n}\nf()\n", "7\n", "", 0},
		"magic command":   {"x := 1\n%who\n", "x\n", "", 0},
		"nothing":         {"", "", "", 0},
		"failure ends it": {"fmt.Println(1)\nvar xs []int\nxs[2]\nfmt.Println(2)\n", "1\n", "panic: runtime error: index out of range [2] with length 0", 1},
		"wrong syntax":    {"for {", "", "syntax error", 1},
		"updates":         {"{ l := display.NewLive(); for i := range 4 { l.Update(i) }; fmt.Println(\"end\") }\n", "3\nend\n", "", 0},
		"no one to ask":   {"display.Input(\"name? \")\n", "", "front end does not offer", 1},
		"display":         {"display.Show(display.Markdown(\"*a*\"))\n", "*a*\n", "", 0},
	} {
		cmd := exec.Command(path, "console")
		cmd.Stdin = strings.NewReader(test.input)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Run()
		if s := cmd.ProcessState.ExitCode(); s != test.status || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: status %d, %q, %q", name, s, stdout.String(), stderr.String())
		}
		if strings.Contains(stdout.String()+stderr.String(), "\x1b") {
			t.Errorf("%s: there are colours in a pipe", name)
		}
	}
}

// A typist sits at a terminal.
type typist struct {
	t   *testing.T
	pty *os.File
	cmd *exec.Cmd

	mu     sync.Mutex
	screen string
}

func sit(t *testing.T, state string) *typist {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &typist{t: t, cmd: exec.Command(path, "console")}
	p.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state, "TERM=xterm", "NO_COLOR=1")
	if p.pty, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.pty.Close(); p.cmd.Process.Kill() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := p.pty.Read(b)
			p.mu.Lock()
			p.screen += string(b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

// await waits until the screen shows a text after what was awaited before.
func (p *typist) await(text string) {
	p.t.Helper()
	for range 1000 {
		p.mu.Lock()
		i := strings.Index(p.screen, text)
		if i >= 0 {
			p.screen = p.screen[i+len(text):]
		}
		p.mu.Unlock()
		if i >= 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("%q does not appear; the screen is %q", text, p.screen)
}

func (p *typist) types(keys string) { p.pty.WriteString(keys) }

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	up    = "\x1b[A"
)

func TestConsoleAtATerminal(t *testing.T) {
	state := t.TempDir()
	p := sit(t, state)
	p.await("In [1]: ")
	p.types("number := 40\r")
	p.await("In [2]: ")
	p.types("num\t + 2\r") // Tab completes
	p.await("Out[2]: 42")
	p.await("In [3]: ")
	p.types("strings.ToU\t\t") // twice: it lists
	p.await("ToUpper")
	p.await("ToUpperSpecial")
	p.types(ctrlC) // forgets the line
	p.await("^C")
	p.await("In [3]: ")
	p.types("func double(n int) int {\r")
	p.await("...: ")
	p.types("return 2 * n\r}\r")
	p.await("In [4]: ")
	p.types("double(number)\r")
	p.await("Out[4]: 80")
	p.await("In [5]: ")
	p.types("\x1b[200~a := 1\rb := 2\r\x1b[201~\r") // one cell
	p.await("In [6]: ")
	p.types("fmt.Println(\"it runs\"); for {}\r")
	p.await("it runs\r\n")
	p.types(ctrlC)
	p.await("interrupted")
	p.await("In [7]: ")
	p.types(up + up + up + up + "\r") // double(number), and what was pasted is younger
	p.await("Out[7]: 80")
	p.await("In [8]: ")
	p.types("var xs []int\rxs[a]\r")
	p.await("index out of range [1] with length 0")
	p.await("In [10]: ")
	p.types(ctrlD)
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(state, "goalgap", "history"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the history: %v, %v", info, err)
	}
	// The next console knows it.
	p = sit(t, state)
	p.await("In [1]: ")
	p.types("number\x12")
	p.await("double(number)")
	p.types("\x15" + ctrlD)
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestConsoleAsksAndDrawsInPlace(t *testing.T) {
	p := sit(t, t.TempDir())
	p.await("In [1]: ")
	// The terminal echoes what is typed: only in capitals is it the question.
	p.types("name := display.Input(strings.ToUpper(\"name? \"))\r")
	p.await("NAME? ")
	p.types("Ada\r")
	p.await("In [2]: ")
	p.types("name\r")
	p.await("Out[2]: Ada")
	p.await("In [3]: ")
	p.types("var n int; fmt.Print(strings.ToUpper(\"n? \")); fmt.Scan(&n); fmt.Println(n + 1)\r")
	p.await("N? ")
	time.Sleep(500 * time.Millisecond) // until it is seen that the cell waits
	p.types("41\r")
	p.await("42")
	p.await("In [4]: ")
	p.types("secret := display.Password(strings.ToUpper(\"secret? \")); fmt.Println(len(secret))\r")
	p.await("SECRET? ")
	p.types("hush\r")
	p.await("4\r\n")
	p.await("In [5]: ")
	p.types("display.Input(strings.ToUpper(\"again? \"))\r")
	p.await("AGAIN? ")
	p.types(ctrlC)
	p.await("interrupted")
	p.await("In [6]: ")
	p.types("bar := display.NewProgress(\"work\", 3); for i := range 4 { bar.Set(float64(i), \"\"); time.Sleep(150 * time.Millisecond) }\r")
	p.await("work   0%")
	p.await("\r\x1b[Kwork  33%")
	p.await("\r\x1b[Kwork 100%")
	p.await("In [7]: ")
	p.types(ctrlD)
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestConsoleInAPipeIsInterrupted(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "console")
	cmd.Stdin = strings.NewReader("fmt.Println(\"it runs\")\nfor {}\n")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 10))
	time.Sleep(time.Second) // until it compiled
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if s := cmd.ProcessState.ExitCode(); s != 130 {
		t.Errorf("exit status %d", s)
	}
}
