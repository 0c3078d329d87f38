package session

import (
	"regexp"
	"testing"
)

// TestSimpleCellsNeedNoCompiler takes the compiler away after the first cell.
func TestSimpleCellsNeedNoCompiler(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{
		{cell: `x, y, s, b := 5, 2.5, "hi", uint8(200)
type P struct { a int; B []float64; m map[string]int }
p := P{1, []float64{1, 2}, map[string]int{"k": 3}}
pp := &p
var e any = x
func f(n int, xs ...float64) float64 { return float64(n) + float64(len(xs)) }
func g(n int) (int, error) { if n < 0 { return 0, errors.New("negative") }; return n, nil }
func two() (int, string) { return 2, "two" }
func boom(n int) int { xs := []int{}; return xs[n] }
func show(a any) string { return fmt.Sprintf("%T %v", a, a) }
func nothing() {}
func (p P) Sum() int { return p.a }
func (p *P) Inc() { p.a++ }`},
	})
	dir := s.tools.toolDir
	s.tools.toolDir = t.TempDir()
	t.Cleanup(func() { s.tools.toolDir = dir })
	playIn(t, s, r, []step{
		{cell: "1 + 1", out: "[result 2]"},
		{cell: "x", out: "[result 5]"},
		{cell: "x;"},
		{cell: "x*2 + 1", out: "[result 11]"},
		{cell: "-x % 3", out: "[result -2]"},
		{cell: "x &^ 1 | 8", out: "[result 12]"},
		{cell: "b + 100", out: "[result 44]"},
		{cell: "y / 2", out: "[result 1.25]"},
		{cell: "s + \"!\"", out: "[result hi!]"},
		{cell: "s < \"hj\" && !(x == 4)", out: "[result true]"},
		{cell: "e", out: "[result 5]"},
		{cell: "p.a, p.B[1], p.m[\"k\"], p.m[\"z\"], pp.a, *pp, len(p.B)", out: "[result 1 2 3 0 1 {1 [1 2] map[k:3]} 2]"},
		{cell: "f(3, 1, 2.5)", out: "[result 5]"},
		{cell: "g(4)", out: "[result 4]"},
		{cell: "g(-1)", fails: "error: negative"},
		{cell: "two()", out: "[result 2 two]"},
		{cell: "nothing()"},
		{cell: "boom(3)", fails: "panic: runtime error: index out of range [3] with length 0"},
		{cell: "show(3)", out: "[result int 3]"},
		{cell: "show('a')", out: "[result int32 97]"},
		{cell: "show(y)", out: "[result float64 2.5]"},
		{cell: "p.Sum()", out: "[result 1]"},
		{cell: "pp.Inc()"},
		{cell: "p.Sum()", out: "[result 2]"},
		{cell: "x = x + 2"},
		{cell: "x", out: "[result 7]"},
		{cell: "x := 9\ny := 1e-3\ns := \"bye\"\nx", out: "[result 9]"},
		{cell: "x, y, s", out: "[result 9 0.001 bye]"},
		{cell: "1 / 0", fails: "division by zero"},
	})
}

func TestWhatWouldFailInTheEvaluatorIsCompiled(t *testing.T) {
	play(t,
		step{cell: "x := 0\nxs := []int{1}\nvar np *struct{ A int }\nvar fn func()\nn := 0\nfunc next() int { n++; return n }"},
		step{cell: "1 / x", fails: "panic: runtime error: integer divide by zero"},
		step{cell: "xs[3]", fails: "panic: runtime error: index out of range [3] with length 1"},
		step{cell: "np.A", fails: "panic: runtime error: invalid memory address or nil pointer dereference"},
		step{cell: "fn()", fails: "panic: runtime error: invalid memory address or nil pointer dereference"},
		step{cell: "next()", out: "[result 1]"},
		step{cell: "next() + xs[0]", out: "[result 3]"},
		step{cell: "n", out: "[result 2]"},
	)
}

func TestAFailureInAQuickCellShowsTheCallingLine(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "func boom(n int) int { panic(n) }"}})
	f := s.Execute("boom(3)", "cell 2")
	if f == nil || len(f.Traceback) < 3 {
		t.Fatalf("the cell ended with %v", f)
	}
	want := []string{"cell 1:1 boom", "cell 2:1 "}
	for i, w := range want {
		if got := stripped(f.Traceback[len(f.Traceback)-len(want)+i]); got != w {
			t.Errorf("line %d of the trace is %q, not %q", i, got, w)
		}
	}
}

// BenchmarkQuickCell is the time of a cell that needs no compiler.
func BenchmarkQuickCell(b *testing.B) {
	s, _ := openFor(b)
	if f := s.Execute("x := 5\nfunc f(n int) int { return n + x }", "cell"); f != nil {
		b.Fatal(f)
	}
	for name, cell := range map[string]string{"constant": "1+1", "variable": "x", "call": "f(3)", "assignment": "x = 7"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if f := s.Execute(cell, "cell"); f != nil {
					b.Fatal(f)
				}
			}
		})
	}
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// stripped is a line of a trace without its colours.
func stripped(line string) string { return escape.ReplaceAllString(line, "") }
