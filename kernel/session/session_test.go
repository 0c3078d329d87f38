package session

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"goalgap/kernel/worker"
)

var (
	toolsOnce sync.Once
	tools     *Toolchain
	toolsErr  error
)

// A recorder collects what cells put out.
type recorder struct {
	mu     sync.Mutex
	events []worker.Event
}

func (r *recorder) add(e worker.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// take returns the text of everything put out since the last call: streams as they are, results and displays in
// brackets.
func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, e := range r.events {
		switch e.Kind {
		case "stdout":
			b.WriteString(e.Text)
		case "stderr":
			b.WriteString("!" + e.Text)
		default:
			fmt.Fprintf(&b, "[%s %v]", e.Kind, e.Data["text/plain"])
		}
	}
	r.events = nil
	return b.String()
}

func open(t *testing.T) (*Session, *recorder) {
	t.Helper()
	return openFor(t)
}

func openFor(t testing.TB) (*Session, *recorder) {
	t.Helper()
	toolsOnce.Do(func() {
		wd, err := os.Getwd()
		if err != nil {
			toolsErr = err
			return
		}
		tools, toolsErr = Prepare(context.Background(), wd, nil)
	})
	if toolsErr != nil {
		t.Fatal(toolsErr)
	}
	r := &recorder{}
	s, err := Open(Options{Tools: tools, Dir: t.TempDir(), Events: r.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, r
}

// step is a cell and what it must put out, or how it must fail.
type step struct {
	cell, out string
	fails     string // "name: value" of the failure, or a part of it
}

func play(t *testing.T, steps ...step) {
	t.Helper()
	s, r := open(t)
	playIn(t, s, r, steps)
}

// playIn executes the steps in a session and compares what they put out, or how they fail.
func playIn(t *testing.T, s *Session, r *recorder, steps []step) {
	t.Helper()
	for i, st := range steps {
		f := s.Execute(st.cell, fmt.Sprintf("cell %d", i+1))
		out := r.take()
		switch {
		case f != nil && st.fails == "":
			t.Errorf("cell %d failed: %v\n%s\n%s", i+1, f, brief(st.cell), strings.Join(f.Traceback, "\n"))
			continue
		case f == nil && st.fails != "":
			t.Errorf("cell %d did not fail with %q; it put out %q\n%s", i+1, st.fails, out, brief(st.cell))
			continue
		case f != nil && !strings.Contains(f.Name+": "+f.Value, st.fails):
			t.Errorf("cell %d failed with %q, not %q\n%s", i+1, f.Name+": "+f.Value, st.fails, strings.Join(f.Traceback, "\n"))
			continue
		}
		if out != st.out {
			t.Errorf("cell %d put out\n%q, not\n%q\n%s", i+1, out, st.out, brief(st.cell))
		}
	}
}

func brief(cell string) string {
	if len(cell) > 600 {
		return cell[:600] + " …"
	}
	return cell
}

// A situation is a few cells that belong together.
type situation struct {
	name  string
	steps []step
}

// playAll plays situations, one after the other in one session, as in a long notebook.
func playAll(t *testing.T, situations []situation) {
	t.Helper()
	s, r := open(t)
	for _, st := range situations {
		t.Run(st.name, func(t *testing.T) { playIn(t, s, r, st.steps) })
	}
}

func TestStatePersists(t *testing.T) {
	play(t,
		step{cell: "x := 3\ny := []int{1, 2}", out: ""},
		step{cell: "x + len(y)", out: "[result 5]"},
		step{cell: "x++\ny = append(y, x)\nfmt.Println(x, y)", out: "4 [1 2 4]\n"},
		step{cell: "func add(n int) int { x += n; return x }\nadd(10);", out: ""},
		step{cell: "x", out: "[result 14]"},
		step{cell: "add(1); x", out: "[result 15]"},
	)
}

func TestTypesKeepTheirNamesAcrossCells(t *testing.T) {
	play(t,
		step{cell: "type point struct{ x, y float64 }\nfunc (p point) norm() float64 { return math.Hypot(p.x, p.y) }\nfunc (p *point) Move(d float64) { p.x += d }"},
		step{cell: "p := point{3, 4}\np.norm()", out: "[result 5]"},
		step{cell: "fmt.Printf(\"%T %+v\\n\", p, p)", out: "main.point {x:3 y:4}\n"},
		step{cell: "p.x = 6; p.y = 8; p.norm()", out: "[result 10]"},
		step{cell: "q := &point{y: 1}\nq.Move(2)\n(*q).x + q.y", out: "[result 3]"},
		step{cell: "ps := []point{{1, 2}, {x: 3}}\nqs := []*point{{5, 6}}\nm := map[string]point{\"a\": {7, 8}}\nps[1].x + qs[0].y + m[\"a\"].x", out: "[result 16]"},
		step{cell: "func origin() point { return point{} }\norigin().x", out: "[result 0]"},
		step{cell: "type normer interface{ norm() float64 }\nvar n normer = p\nn.norm()", out: "[result 10]"},
		step{cell: "type square struct{ side float64 }\nfunc (s square) norm() float64 { return s.side }\nn = square{2}\nn.norm()", out: "[result 2]"},
		step{cell: "type named struct { point; name string }\nv := named{point{1, 1}, \"v\"}\nfmt.Printf(\"%+v %v\\n\", v, v.x)", out: "{point:{x:1 y:1} name:v} 1\n"},
		step{cell: "v.point.x = 9\nv.x + v.point.y", out: "[result 10]"},
		step{cell: "if p == (point{6, 8}) { fmt.Println(\"same\") }", out: "same\n"},
	)
}

func TestGenericsAcrossCells(t *testing.T) {
	play(t,
		step{cell: "type number interface{ ~int | ~float64 }\nfunc mapped[T, U any](xs []T, f func(T) U) []U { var r []U; for _, x := range xs { r = append(r, f(x)) }; return r }\nfunc sum[T number](xs ...T) (s T) { for _, x := range xs { s += x }; return }"},
		step{cell: "type stack[T any] struct { items []T }\nfunc (s *stack[T]) push(x T) { s.items = append(s.items, x) }"},
		step{cell: "mapped([]int{1, 2}, func(i int) string { return strconv.Itoa(i * 2) })", out: "[result [2 4]]"},
		step{cell: "sum(1.5, 2) + sum[float64]()", out: "[result 3.5]"},
		step{cell: "var s stack[string]\ns.push(\"a\")\ns.push(\"b\")\nlen(s.items)", out: "[result 2]"},
		step{cell: "func top[T any](s *stack[T]) T { return s.items[len(s.items)-1] }\ntop(&s)", out: "[result b]"},
		step{cell: "fmt.Printf(\"%T\\n\", s)", out: "main.stack[string]\n"},
	)
}

func TestRedefinition(t *testing.T) {
	play(t,
		step{cell: "func f() int { return 1 }"},
		step{cell: "func g() int { return 10 * f() }\ng()", out: "[result 10]"},
		step{cell: "func f() int { return 2 }"},
		step{cell: "g()", out: "[result 20]"},
		step{cell: "func f() string { return \"text\" }\nf()", out: "!note: g still uses the earlier f (func() int); run its cell again to change that\n[result text]"},
		step{cell: "g()", out: "[result 20]"},
		step{cell: "x := 1\nfunc getX() int { return x }"},
		step{cell: "x := 2\ngetX()", out: "[result 2]"},
		step{cell: "x := \"s\"\nx + fmt.Sprint(getX())", out: "!note: getX still uses the earlier x (int); run its cell again to change that\n[result s2]"},
		step{cell: "n := 1"},
		step{cell: "n := n + 1\nn", out: "[result 2]"},
		step{cell: "n := fmt.Sprint(n, \"!\")\nn", out: "[result 2!]"},
	)
}

func TestErrorsAtTheTopLevelStopTheCell(t *testing.T) {
	play(t,
		step{cell: "n := strconv.Atoi(\"12\")\nn + 1", out: "[result 13]"},
		step{cell: "m := strconv.Atoi(\"twelve\")\nfmt.Println(\"not reached\")", fails: `error: strconv.Atoi: parsing "twelve": invalid syntax`},
		step{cell: "os.Chdir(\"/does/not/exist\")\nfmt.Println(\"not reached\")", fails: "error: chdir /does/not/exist: no such file or directory"},
		step{cell: "a, err := strconv.Atoi(\"x\")\nb, err := strconv.Atoi(\"7\")\nfmt.Println(a, b, err)", out: "0 7 <nil>\n"},
		step{cell: "strconv.Atoi(\"5\")", out: "[result 5]"},
		step{cell: "fmt.Println(\"hello\")", out: "hello\n"},
	)
}

func TestConveniences(t *testing.T) {
	play(t,
		step{cell: "import \"strings\"\nimport \"os\"\nfunc f() { unused := 1; for i, v := range []int{1} {}; if x := 2; true {}; switch y := 3; {} }"},
		step{cell: "strings.ToUpper(\"a\"); ", out: ""},
		step{cell: "1, 2", out: "[result 1 2]"},
		step{cell: "rand.Intn(1) + rand.IntN(1)", fails: "undefined"},
		step{cell: "rand.Intn(1)", out: "[result 0]"},
		step{cell: "math.Pi > 3", out: "[result true]"},
		step{cell: "const k = iota + 4\nconst text = \"t\"", out: ""},
		step{cell: "k, text := k, text\nfmt.Print(k, text)", out: "4t"},
		step{cell: "for i := range 3 { fmt.Print(i) }\nfunc() { fmt.Print(\"!\") }()", out: "012!"},
		step{cell: "var (\n\ta = 1\n\tb float64\n)\nvar c, d = 2, \"d\"\nfmt.Print(a, b, c, d)", out: "1 0 2d"},
		step{cell: "min(3, 1), max(2, 4)", out: "[result 1 4]"},
		step{cell: "ctx.Err() == nil", out: "[result true]"},
		step{cell: "", out: ""},
		step{cell: "// only a comment", out: ""},
	)
}

func TestCompileErrorsShowTheCellsOwnLine(t *testing.T) {
	s, _ := open(t)
	f := s.Execute("a := 1\nb := a +\n\tundefinedName\n", "cell 1")
	if f == nil || f.Line != 3 || f.Value != "undefined: undefinedName" {
		t.Fatalf("got %+v", f)
	}
	if f := s.Execute("a", "cell 2"); f == nil {
		t.Fatal("a cell that did not compile declared its names")
	}
	f = s.Execute("func f() {\n\tx := []int{1}\n", "cell 3")
	if f == nil || !strings.Contains(f.Value, "syntax error") || f.Line < 2 || f.Line > 3 {
		t.Fatalf("got %+v", f)
	}
	f = s.Execute("var s string = 5", "cell 4")
	if f == nil || f.Line != 1 || !strings.Contains(f.Value, "cannot use 5") {
		t.Fatalf("got %+v", f)
	}
}

func TestPanicsShowTheCellsOwnLinesAndKeepState(t *testing.T) {
	s, r := open(t)
	if f := s.Execute("func at(xs []int, i int) int {\n\treturn xs[i]\n}", "cell 1"); f != nil {
		t.Fatal(f)
	}
	f := s.Execute("done := 1\nat(nil, 5)\ndone = 2", "cell 2")
	if f == nil || f.Name != "panic" || f.Value != "runtime error: index out of range [5] with length 0" {
		t.Fatalf("got %+v", f)
	}
	trace := strings.Join(f.Traceback, "\n")
	for _, want := range []string{"cell 1:2", "cell 2:2"} {
		if !strings.Contains(strings.NewReplacer(dim, "", plain, "").Replace(trace), want) {
			t.Errorf("the traceback lacks %q:\n%s", want, trace)
		}
	}
	if strings.Contains(trace, "ω") || strings.Contains(trace, "Ω") || strings.Contains(trace, "nb/") {
		t.Errorf("the traceback shows machinery:\n%s", trace)
	}
	r.take()
	if f := s.Execute("done", "cell 3"); f != nil || r.take() != "[result 1]" {
		t.Errorf("what the cell did before the panic is lost: %v", f)
	}
}

func TestInterrupt(t *testing.T) {
	for name, cell := range map[string]string{
		"empty loop":      "for {}",
		"arithmetic":      "n := 0; for { n++ }",
		"recursion":       "func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }\nfib(80)",
		"waits for ctx":   "<-ctx.Done()",
		"sleep":           "time.Sleep(time.Hour)",
		"blocked channel": "<-make(chan int)",
	} {
		t.Run(name, func(t *testing.T) {
			s, r := open(t)
			if f := s.Execute("kept := 7", "cell 1"); f != nil {
				t.Fatal(f)
			}
			done := make(chan *Failure)
			go func() { done <- s.Execute("fmt.Println(\"running\")\n"+cell, "cell 2") }()
			for deadline := time.Now().Add(30 * time.Second); r.take() == ""; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the cell did not start")
				}
			}
			s.Interrupt()
			select {
			case f := <-done:
				if name == "waits for ctx" {
					if f != nil {
						t.Fatalf("got %v", f)
					}
				} else if f == nil || !f.Interrupted {
					t.Fatalf("got %v", f)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the cell did not stop")
			}
			r.take()
			if f := s.Execute("kept", "cell 3"); f != nil || r.take() != "[result 7]" {
				t.Fatalf("the state was lost: %v", f)
			}
		})
	}
}

func TestWorkerDeathIsReportedAndSurvived(t *testing.T) {
	for cell, want := range map[string]string{
		"os.Exit(3)": "exit: the cell ended the process: exit status 3",
		"go func() { panic(\"elsewhere\") }()\ntime.Sleep(time.Minute)":                           "panic: in another goroutine: elsewhere",
		"import \"syscall\"\nsyscall.Kill(os.Getpid(), syscall.SIGKILL)\ntime.Sleep(time.Minute)": "died: the process was killed by signal killed",
	} {
		s, r := open(t)
		f := s.Execute(cell, "cell 1")
		if f == nil || !f.Died || !strings.Contains(f.Name+": "+f.Value, want) {
			t.Errorf("%q: got %v, not %q", cell, f, want)
		}
		r.take()
		if f := s.Execute("1 + 1", "cell 2"); f != nil || r.take() != "[result 2]" {
			t.Errorf("the session did not survive %q: %v", cell, f)
		}
		s.Close()
	}
}

func TestOutputAndDisplaysKeepTheirOrder(t *testing.T) {
	play(t, step{
		cell: "for i := range 3 { fmt.Print(i, \"\\n\"); display.Show(i) }\nfmt.Println(\"end\")\n\"last\"",
		out:  "0\n[display 0]1\n[display 1]2\n[display 2]end\n[result last]",
	})
}

func TestUnchangedCellRunsAgainWithoutTheCompiler(t *testing.T) {
	s, r := open(t)
	for range 2 {
		if f := s.Execute("count := 0", "cell 1"); f != nil {
			t.Fatal(f)
		}
		if f := s.Execute("count += 2\ncount", "cell 2"); f != nil {
			t.Fatal(f)
		}
		if out := r.take(); out != "[result 2]" {
			t.Fatalf("got %q", out)
		}
	}
	if n := len(s.order); n != 2 {
		t.Errorf("%d packages were compiled for 2 cells", n)
	}
}

func TestDisplaysShowTheirLastStateWhenTheCellEnds(t *testing.T) {
	s, r := open(t)
	f := s.Execute("p := display.NewProgress(\"work\", 100)\nfor i := range 56 { p.Set(float64(i), \"\") }\n"+
		"live := plots.NewLiveCurves(\"return\", \"\")\nlive.Every = time.Hour\nfor i := range 20 { live.Add(\"ppo\", float64(i), 1) }", "cell")
	if f != nil {
		t.Fatal(f)
	}
	var last string
	pictures := map[string]bool{}
	for _, e := range r.events {
		if text := fmt.Sprint(e.Data["text/plain"]); strings.HasPrefix(text, "work") {
			last = text
		} else {
			pictures[fmt.Sprint(e.Data["image/svg+xml"], e.Data["image/png"])] = true
		}
	}
	if !strings.HasPrefix(last, "work  55%") {
		t.Errorf("the bar ends at %q", last)
	}
	if len(pictures) != 2 {
		t.Errorf("%d different charts were shown, not the first and the last", len(pictures))
	}
}

func TestAPlotOfGonumIsDrawn(t *testing.T) {
	s, r := open(t)
	f := s.Execute("p := plot.New()\nline, _ := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})\np.Add(line)\np", "cell")
	if f != nil {
		t.Fatal(f)
	}
	drawn := false
	for _, e := range r.events {
		picture := fmt.Sprint(e.Data["image/png"])
		drawn = drawn || e.Kind == "result" && len(picture) > 1000 && e.Data["text/plain"] == "*plot.Plot"
	}
	if !drawn {
		t.Errorf("shown was %.300s", r.take())
	}
}

func TestACompileErrorNamesAnotherPlaceByItsLine(t *testing.T) {
	s, _ := open(t)
	f := s.Execute("type T struct{}\nfunc (T) M() {}\nfunc (T) M() {}", "cell 1")
	if f == nil || f.Value != "method T.M already declared at line 2:10" {
		t.Errorf("got %v", f)
	}
}

func TestARecursionWithoutEndIsStoppedAndVariablesAreKept(t *testing.T) {
	if testing.Short() {
		t.Skip("fills half a gigabyte")
	}
	s, r := open(t)
	playIn(t, s, r, []step{
		{cell: "kept := 7\nfunc deep(n int) int { return deep(n+1) + 1 }\nfunc wide(b [1 << 16]byte, n int) int { return wide(b, n+1) + int(b[n%10]) }\nfunc to(n int) int { if n == 0 { return 0 }; return to(n-1) + 1 }"},
		{cell: "to(3_000_000)", out: "[result 3000000]"}, // deep, but not too deep
		{cell: "wide([1 << 16]byte{}, 0)", fails: "stack overflow"},
		{cell: "kept", out: "[result 7]"},
		{cell: "func() { defer func() { fmt.Print(recover() != nil) }(); deep(0) }()", out: "true"},
		{cell: "to(1000) + kept", out: "[result 1007]"},
		{cell: "go deep(0)\nselect {}", fails: "in another goroutine: stack overflow"},
		{cell: "kept", out: "[result 7]"},
	})
	f := s.Execute("deep(0)", "cell 1")
	if f == nil || f.Died || !strings.HasPrefix(f.Value, "stack overflow") || !strings.Contains(strings.Join(f.Traceback, "\n"), "deep") {
		t.Errorf("got %+v", f)
	}
}
