package session

import (
	"fmt"
	"testing"
	"time"
)

// TestCellsCompiledAheadMeanTheSame runs a notebook whose cells lean on each other in every way, all at once, in two
// sessions: with and without compiling ahead.
func TestCellsCompiledAheadMeanTheSame(t *testing.T) {
	unique := time.Now().UnixNano()
	cells := []string{
		fmt.Sprintf("x := %d %% 7 * 0\ntype P struct{ a int }\np := P{3}", unique),
		"func f() int { return x + 1 }",
		"x = 10",
		"f()",
		"func f() int { return x * 2 }",
		"f()",
		"func (p P) String() string { return fmt.Sprint(\"P\", p.a) }",
		"p",
		"y := \"text\"\n%pwd\ny + \"!\"",
		"x := \"now a string\"\nx",
		"f()",
		"for i := range 3 { fmt.Print(i, p, \" \") }",
		"func gen[T any](v T) []T { return []T{v, v} }",
		"gen(p), gen(2)",
		"!echo shell",
		"func (p P) Twice() P { return P{2 * p.a} }\np.Twice()",
		"z, err := strconv.Atoi(\"12\")\nz + p.Twice().a",
	}
	play := func(ahead bool) (out []string) {
		s, r := open(t)
		if ahead {
			s.Ahead(cells)
		}
		for i, c := range cells {
			if f := s.Execute(c, fmt.Sprint("cell ", i)); f != nil {
				t.Errorf("ahead %v: cell %d failed: %v %q", ahead, i, f, f.Traceback)
			}
			out = append(out, r.take())
		}
		return out
	}
	first := play(true)
	for i, want := range play(false) {
		if i != 8 && first[i] != want { // cell 8 shows a folder of its own
			t.Errorf("compiled ahead, cell %d put out %q, not %q", i, first[i], want)
		}
	}
}

func TestWhatWasExpectedWronglyDoesNoHarm(t *testing.T) {
	s, r := open(t)
	unique := time.Now().UnixNano()
	// The queue is thrown away after the second cell, which fails; what the third would have declared must not be known.
	s.Ahead([]string{fmt.Sprintf("a := %d", unique), "panic(a)", fmt.Sprintf("hidden := %d\nfunc hiddenToo() {}", unique), "hidden + 1"})
	playIn(t, s, r, []step{
		{cell: fmt.Sprintf("a := %d", unique)},
		{cell: "panic(a)", fails: "panic"},
	})
	s.Ahead(nil)
	playIn(t, s, r, []step{
		{cell: "hidden", fails: "undefined: hidden"},
		{cell: "hiddenToo()", fails: "undefined: hiddenToo"},
		{cell: "a := \"other\"\na", out: "[result other]"},
	})
}

func TestMoreCellsCanJoinTheQueue(t *testing.T) {
	s, r := open(t)
	unique := time.Now().UnixNano()
	var cells []string
	for i := range 12 {
		cells = append(cells, fmt.Sprintf("v%d := %d\nfmt.Println(v%[1]d - %[2]d)", i, unique))
	}
	for i := range cells {
		s.Ahead(cells[:i+1])
	}
	for i, c := range cells {
		playIn(t, s, r, []step{{cell: c, out: "0\n"}})
		go s.Ahead(cells[i+1:])
	}
}
