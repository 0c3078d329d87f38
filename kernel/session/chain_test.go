package session

import (
	"debug/elf"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// chain returns cells of which each needs the one before it, and what they put out. Every kind of declaration goes from
// cell to cell.
func chain(length int) (cells, outs []string) {
	cells = []string{fmt.Sprintf(`type node struct { value int; next *node }
func (n *node) sum() int { if n == nil { return 0 }; return n.value + n.next.sum() }
type summer interface { sum() int }
func doubled[T ~int | ~float64](x T) T { return 2 * x }
func f0(x int) int { if x < 0 { panic("negative") }; return x + %d - %[1]d }
list0, shape0, scale0 := &node{value: 1}, summer(&node{value: 1}), func(x int) int { return x }`, time.Now().UnixNano())}
	outs = []string{""}
	for i := 1; i < length; i++ {
		cells = append(cells, fmt.Sprintf(`type wrap%d struct { summer; extra int }
func (w wrap%[1]d) sum() int { return w.summer.sum() + w.extra }
func f%[1]d(x int) int { return f%[2]d(x) + 1 }
list%[1]d := &node{%[1]d + 1, list%[2]d}
shape%[1]d := summer(wrap%[1]d{shape%[2]d, 1})
scale%[1]d := func(x int) int { return scale%[2]d(x) + doubled(1) }
fmt.Print(f%[1]d(0), list%[1]d.sum(), shape%[1]d.sum(), scale%[1]d(0))`, i, i-1))
		outs = append(outs, fmt.Sprint(i, (i+1)*(i+2)/2, i+1, 2*i))
	}
	return cells, outs
}

func TestAChainOfCells(t *testing.T) {
	const length = 25
	for _, ahead := range []bool{false, true} {
		t.Run(fmt.Sprintf("ahead=%v", ahead), func(t *testing.T) {
			s, r := open(t)
			cells, outs := chain(length)
			if ahead {
				s.Ahead(cells)
			}
			var steps []step
			for i, c := range cells {
				steps = append(steps, step{cell: c, out: outs[i]})
			}
			playIn(t, s, r, steps)
			playIn(t, s, r, []step{
				{cell: "fmt.Printf(\"%T %T %v\", list24, shape24, shape24.(wrap24).summer == shape23)", out: "*main.node main.wrap24 true"},
				// What only the variables of early cells hold survives the garbage collector.
				{cell: "list0.next = &node{value: 100}\nvar garbage [][]byte\nfor range 20 { garbage = append(garbage, make([]byte, 1<<20)); runtime.GC() }\nlist24.sum()", out: "[result 425]"},
				{cell: "func f0(x int) int { return 1000 * x }\nf24(1)", out: "[result 1024]"},
				{cell: "func (n *node) String() string { return fmt.Sprint(\"node \", n.value) }\nfmt.Print(list24, list0.next, list24.sum())", out: "node 25 node 100 425"},
				{cell: "func f1(x int) int { panic(fmt.Sprint(\"one \", x)) }"},
			})
			f := s.Execute("f24(7)", "the last cell")
			if f == nil || f.Name != "panic" || f.Value != "one 7" {
				t.Fatalf("the panic came as %v", f)
			}
			trace := strings.NewReplacer(dim, "", plain, "").Replace(strings.Join(f.Traceback, "\n"))
			for _, want := range []string{"cell 5:1 f1\n", "cell 3:3 f2\n", "cell 10:3 f9\n", "cell 25:3 f24\n", "the last cell:1"} {
				if !strings.Contains(trace, want) {
					t.Errorf("the trace does not show %q:\n%s", want, trace)
				}
			}
		})
	}
}

// TestOnlyImportedCellsAreLinkedAgain looks into a plugin at the end of a chain whose cells share variables and functions.
func TestOnlyImportedCellsAreLinkedAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads ELF files")
	}
	s, r := open(t)
	unique := time.Now().UnixNano()
	for i := range 5 {
		cell := fmt.Sprintf("func g%d(x int) int { return x + %d - %[2]d }\ny%[1]d := g%[1]d(%[1]d)\nfmt.Print(y%[3]d + g%[3]d(0))", i, unique, max(0, i-1))
		playIn(t, s, r, []step{{cell: cell, out: fmt.Sprint(max(0, i-1))}})
	}
	last := s.order[len(s.order)-1]
	f, err := elf.Open(last.plugin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, sym := range symbols {
		path, name, _ := strings.Cut(sym.Name, ".")
		switch {
		case path == last.path:
			own++
		case strings.HasPrefix(path, "nb/") && elf.ST_TYPE(sym.Info) == elf.STT_FUNC:
			t.Errorf("%s of an earlier cell was linked again", name)
		}
	}
	if own == 0 {
		t.Error("the plugin has no symbols of its own cell: the names of symbols are not what this test takes them for")
	}
}

func TestInitRunsAfterTheCellsThatItCalls(t *testing.T) {
	for range 5 { // the linker's own order is that of hashes
		s, r := open(t)
		cells := []string{
			fmt.Sprintf("func a() int { return %d }", time.Now().UnixNano()),
			"func b() int { return a() }",
			"func c() int { return b() }",
			"called := 0\nfunc init() { called = c() }",
			"c() == a()",
		}
		s.Ahead(cells)
		for i, c := range cells {
			out := ""
			if i == len(cells)-1 {
				out = "[result true]"
			}
			playIn(t, s, r, []step{{cell: c, out: out}})
		}
	}
}
