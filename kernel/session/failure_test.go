package session

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestFailuresOfCells(t *testing.T) {
	playAll(t, []situation{
		{"panics", []step{
			{cell: "type myErr struct{ code int }\nfunc (e *myErr) Error() string { return fmt.Sprint(\"code \", e.code) }\npanic(&myErr{3})", fails: "panic: code 3"},
			{cell: "panic(nil)", fails: "panic: panic called with nil argument"},
			{cell: "defer func() { panic(\"second\") }()\npanic(\"first\")", fails: "panic: second"},
			{cell: "var m map[string]int\nm[\"a\"] = 1", fails: "panic: assignment to entry in nil map"},
			{cell: "var p *struct{ x int }\np.x", fails: "panic: runtime error: invalid memory address or nil pointer dereference"},
			{cell: "zero := 0\n1 / zero", fails: "panic: runtime error: integer divide by zero"},
			{cell: "var i any = \"s\"\ni.(int)", fails: "panic: interface conversion: interface {} is string, not int"},
			{cell: "panic(struct{ A int }{5})", fails: "panic: {5}"},
			{cell: "type worse struct{}\nfunc (worse) Error() string { panic(\"inner\") }\npanic(worse{})", fails: "panic: (the value's own text cannot be had: inner)"},
			{cell: "type odd struct{}\nfunc (odd) String() string { panic(\"inner\") }\nfmt.Println(odd{})", out: "%!v(PANIC=String method: inner)\n"},
			{cell: "runtime.Goexit()", fails: "exit: the cell called runtime.Goexit"},
			{cell: "make([]int, -1+len(os.Args)*0)", fails: "panic: runtime error: makeslice: len out of range"},
			{cell: "close((chan int)(nil))", fails: "panic: close of nil channel"},
			{cell: "1 + 1", out: "[result 2]"},
		}},
		{"errors", []step{
			{cell: "func fails() (int, error) { return 0, fmt.Errorf(\"outer: %w\", os.ErrNotExist) }\nfails()", fails: "error: outer: file does not exist"},
			{cell: "v := fails()\nfmt.Println(\"never\")", fails: "error: outer: file does not exist"},
			{cell: "v, err := fails()\nerrors.Is(err, os.ErrNotExist)", out: "[result true]"},
			{cell: "fails();\nfmt.Println(\"never\")", fails: "error: outer"},
			{cell: "_, _ = fails()\nerr", out: "[result outer: file does not exist]"},
			{cell: "func onlyErr() error { return nil }\nonlyErr()", out: ""},
			{cell: "f, err := os.Open(\"/nope\")\nf == nil", out: "[result true]"},
			{cell: "data := os.ReadFile(\"/nope\")", fails: "error: open /nope: no such file or directory"},
			{cell: "var nilErr *os.PathError\nfunc typed() error { return nil }\ntyped()\nnilErr == nil", out: "[result true]"},
		}},
		{"compile errors", []step{
			{cell: "return 5", fails: "compile error"},
			{cell: "break", fails: "compile error"},
			{cell: "//go:embed go.mod\nvar text string", fails: "compile error: cells cannot embed files"},
			{cell: "fmt.Println(\"//go:embed x\") // not //go:embed either", out: "//go:embed x\n"},
			{cell: "x := ", fails: "compile error: syntax error"},
			{cell: "1 +", fails: "compile error: syntax error: expected operand, found the end of the cell"},
			{cell: "1 + }", fails: "compile error: syntax error: expected operand, found '}'"},
			{cell: "import \"golang.org/x/exp/constraints\"", fails: "to add it to this session: %get golang.org/x/exp/constraints"},
			{cell: "order := &binary.LittleEndian", fails: "declare it with an interface type"},
			{cell: "var order binary.ByteOrder = binary.LittleEndian"},
			{cell: "func f( {", fails: "compile error: syntax error"},
			{cell: "y := undefined1 + undefined2", fails: "undefined: undefined1"},
			{cell: "var s string = 5", fails: "cannot use 5"},
			{cell: "\"abc", fails: "compile error: string literal not terminated"},
			{cell: "`abc", fails: "compile error: raw string literal not terminated"},
			{cell: "/* abc", fails: "compile error: comment not terminated"},
			{cell: "a := 'ab'", fails: "compile error"},
			{cell: "for i := 0; i < 3; i++ {", fails: "compile error: syntax error"},
			{cell: "}", fails: "compile error: syntax error"},
			{cell: ")", fails: "compile error: syntax error"},
			{cell: "func (int) m() {}", fails: "compile error: cannot define new methods on non-local type int"},
			{cell: "func (undefinedT) m() {}", fails: "undefined: undefinedT"},
			{cell: "type T struct { T }", fails: "invalid recursive type"},
			{cell: "type U = undefinedU", fails: "undefined: undefinedU"},
			{cell: "var v9 T9 = 5", fails: "undefined: T9"},
			{cell: "import \"fmt", fails: "compile error"},
			{cell: "import \"C\"", fails: "cgo"},
			{cell: "import \"internal/abi\"\nabi.FuncPCABI0", fails: "compile error"},
			{cell: "goto nowhere", fails: "label nowhere not declared"},
			{cell: "type later struct{}"},
			{cell: "x, y := 1", fails: "assignment mismatch"},
			{cell: "nope.Field", fails: "undefined: nope"},
			{cell: "strings.NoSuchFunction(1)", fails: "undefined: strings.NoSuchFunction"},
			{cell: "ωˍcell := 1", fails: "names that begin with ωˍ are the kernel's own"},
			{cell: "a@b", fails: "compile error"},
			{cell: "x = = 1", fails: "compile error: syntax error"},
			{cell: "func dup() {}\nfunc dup() {}", fails: "dup redeclared"},
			{cell: "if true { 5 }", fails: "5 (untyped int constant) is not used"},
			{cell: "5\n6", fails: "5 (untyped int constant) is not used"},
		}},
		{"streams that a cell replaces", []step{
			{cell: "r, w, _ := os.Pipe()\nsaved := os.Stdout\nos.Stdout = w\nfmt.Print(\"captured\")"},
			{cell: "os.Stdout = saved\nw.Close()\nb := io.ReadAll(r)\nstring(b)", out: "[result captured]"},
		}},
	})
}

func TestOutput(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{
		{cell: "fmt.Print(\"no newline\")", out: "no newline"},
		{cell: "os.Stdout.Write([]byte{'a', 0xff, 0, 'b'});", out: "a\ufffd\x00b"},
		{cell: "for _, b := range []byte(\"héé日本\") { os.Stdout.Write([]byte{b}); time.Sleep(60 * time.Millisecond / 3) }", out: "héé日本"},
		{cell: "fmt.Fprintln(os.Stderr, \"err\")", out: "!err\n"},
		{cell: "go func() { time.Sleep(100 * time.Millisecond); fmt.Println(\"late\") }()\nfmt.Println(\"early\")", out: "early\n"},
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if out := r.take(); out == "late\n" {
			break
		} else if out != "" || time.Now().After(deadline) {
			t.Fatalf("the goroutine's text did not come after its cell: %q", out)
		}
	}
	began := time.Now()
	if f := s.Execute("for i := range 200_000 { fmt.Printf(\"%049d\\n\", i) }", "cell"); f != nil {
		t.Fatal(f)
	}
	if out := r.take(); len(out) != 10_000_000 || !strings.HasSuffix(out, "199999\n") {
		t.Errorf("%d bytes of 10 MB came", len(out))
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("10 MB took %v", d)
	}
	// What drips is seen while it drips.
	done := make(chan *Failure)
	go func() {
		done <- s.Execute("for i := range 40 { fmt.Print(i, \" \"); time.Sleep(20 * time.Millisecond) }", "cell")
	}()
	pieces := 0
	for {
		select {
		case f := <-done:
			if f != nil {
				t.Fatal(f)
			}
			if pieces < 5 {
				t.Errorf("text of 0.8 s came in %d pieces", pieces)
			}
			return
		case <-time.After(10 * time.Millisecond):
			if r.take() != "" {
				pieces++
			}
		}
	}
}

func TestInterruptOfCellsThatRecover(t *testing.T) {
	s, r := open(t)
	done := make(chan *Failure)
	go func() {
		done <- s.Execute("fmt.Println(1)\nfunc stubborn() { defer func() { recover() }(); for {} }\nfor { stubborn() }", "cell")
	}()
	for deadline := time.Now().Add(30 * time.Second); r.take() == "" && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	s.Interrupt()
	select {
	case f := <-done:
		if f == nil || !f.Interrupted || strings.Contains(f.Value, "left behind") {
			t.Errorf("got %v", f)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the cell did not stop")
	}
}

func TestInterruptWhileCompiling(t *testing.T) {
	s, r := open(t)
	done := make(chan *Failure)
	source := fmt.Sprintf("stamp := %d\nfmt.Println(\"ran\")", time.Now().UnixNano())
	go func() { done <- s.Execute(source, "cell") }()
	for {
		s.mu.Lock()
		compiling := s.compiling != nil
		s.mu.Unlock()
		if compiling {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.Interrupt()
	if f := <-done; f == nil || !f.Interrupted {
		t.Fatalf("got %v, %q", f, r.take())
	}
	if f := s.Execute("stamp", "cell"); f == nil {
		t.Error("a cell that did not run declared its names")
	}
}

func TestRestartAndCloseWhileRunning(t *testing.T) {
	s, r := open(t)
	if f := s.Execute("kept := 1", "cell"); f != nil {
		t.Fatal(f)
	}
	run := func() chan *Failure {
		done := make(chan *Failure, 1)
		go func() { done <- s.Execute("fmt.Println(1)\nfor {}", "cell") }()
		for deadline := time.Now().Add(30 * time.Second); r.take() == "" && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		return done
	}
	done := run()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if f := <-done; f == nil || !f.Died {
		t.Errorf("the running cell ended with %v", f)
	}
	if f := s.Execute("kept", "cell"); f == nil {
		t.Error("a restart kept a name")
	}
	if f := s.Execute("1", "cell"); f != nil {
		t.Error(f)
	}
	r.take()
	done = run()
	pid := s.client.PID()
	s.Close()
	if f := <-done; f == nil {
		t.Error("the cell of a closed session ended well")
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("the worker outlived its session")
	}
	if f := s.Execute("1", "cell"); f == nil || f.Name != "closed" {
		t.Errorf("a closed session ran a cell: %v", f)
	}
}

func TestKilledWorkerLeavesNothing(t *testing.T) {
	s, _ := open(t)
	if f := s.Execute("cmd := exec.Command(\"sleep\", \"1000\")\ncmd.Start()", "cell"); f != nil {
		t.Fatal(f)
	}
	pid := s.client.PID()
	if f := s.Execute("syscall.Kill(os.Getpid(), syscall.SIGKILL); select {}", "cell"); f == nil || !f.Died {
		t.Fatalf("got %v", f)
	}
	out, _ := exec.Command("ps", "-o", "pid=", "-g", fmt.Sprint(pid)).Output()
	if len(strings.Fields(string(out))) > 0 {
		t.Errorf("processes of a killed worker are left: %s", out)
	}
}

func TestADeathBetweenTwoCellsIsToldAtOnceAndTheNextCellRuns(t *testing.T) {
	for cell, want := range map[string]string{
		"go func() { time.Sleep(100 * time.Millisecond); panic(errors.New(\"bg err\")) }()": "panic: between two cells: in another goroutine: bg err",
		"go func() { time.Sleep(100 * time.Millisecond); os.Exit(3) }()":                    "exit: between two cells: the cell ended the process: exit status 3",
	} {
		s, r := open(t)
		if f := s.Execute("zz := 5\n"+cell, "cell 1"); f != nil {
			t.Fatal(f)
		}
		var out string
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && !strings.Contains(out, "are lost"); time.Sleep(20 * time.Millisecond) {
			out += r.take()
		}
		if !strings.Contains(out, want) || !strings.Contains(out, "All variables and declarations of this session are lost") {
			t.Errorf("after %q it put out %q", cell, out)
		}
		playIn(t, s, r, []step{{cell: "1 + 1", out: "[result 2]"}, {cell: "zz", fails: "undefined: zz"}})
	}
}

func TestAClosedOutputIsOpenAgainInTheNextCell(t *testing.T) {
	playAll(t, []situation{
		{"by its file, its descriptor, and another file", []step{
			{cell: "fmt.Println(\"a\")\nos.Stdout.Close();", out: "a\n"},
			{cell: "fmt.Println(\"b\")", out: "b\n"},
			{cell: "syscall.Close(1)"},
			{cell: "fmt.Println(\"c\")", out: "c\n"},
			{cell: "old := os.Stdout\nr, w, _ := os.Pipe()\nos.Stdout = w\nfmt.Print(\"kept\")\nw.Close();\nkept, _ := io.ReadAll(r)"},
			{cell: "fmt.Print(string(kept))\nos.Stdout = old\nruntime.GC()\nruntime.GC()", out: "kept"},
			{cell: "fmt.Print(\"d\")", out: "d"},
			{cell: "os.Stderr.Close();"},
			{cell: "fmt.Fprint(os.Stderr, \"e\")", out: "!e"},
		}},
	})
}
