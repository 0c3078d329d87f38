package session

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkNewCell measures cells that were never compiled before.
func BenchmarkNewCell(b *testing.B) {
	s, _ := openFor(b)
	for name, format := range map[string]string{
		"small":    "v%d := %d",
		"fmt":      "fmt.Println(%d, %d)",
		"plotting": "p%d := plot.New()\np%[1]d.Title.Text = \"%d\"",
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				if f := s.Execute(fmt.Sprintf(format, i, time.Now().UnixNano()), "cell"); f != nil {
					b.Fatal(f)
				}
			}
		})
	}
}

// BenchmarkRunAll measures notebooks of 30 cells that were never compiled before: cell by cell, and all at once, as when a
// front end runs all cells. The cells do next to nothing, so it is the compiler that is waited for.
func BenchmarkRunAll(b *testing.B) {
	notebook := func() []string {
		unique := time.Now().UnixNano()
		cells := []string{fmt.Sprintf("type point struct{ x, y float64 }\nfunc (p point) norm() float64 { return math.Hypot(p.x, p.y) + %d }", unique)}
		for i := 1; i < 30; i++ {
			switch i % 3 {
			case 0:
				cells = append(cells, fmt.Sprintf("func f%d(p point) float64 { return p.norm() + %d }", i, unique))
			case 1:
				cells = append(cells, fmt.Sprintf("p%d := point{%d, %d}\nfmt.Println(p%[1]d.norm())", i, i, unique))
			default:
				cells = append(cells, fmt.Sprintf("total%d := 0.0\nfor i := range 10 { total%[1]d += float64(i) + p%d.norm() }\ntotal%[1]d", i, i-1))
			}
		}
		return cells
	}
	run := func(b *testing.B, ahead bool) time.Duration {
		s, _ := openFor(b)
		defer s.Close()
		cells := notebook()
		start := time.Now()
		if ahead {
			s.Ahead(cells)
		}
		for _, c := range cells {
			if f := s.Execute(c, "cell"); f != nil {
				b.Fatal(f, f.Traceback)
			}
		}
		return time.Since(start)
	}
	var single, all time.Duration
	for b.Loop() {
		single += run(b, false)
		all += run(b, true)
	}
	b.ReportMetric(single.Seconds()/float64(b.N), "s/one-by-one")
	b.ReportMetric(all.Seconds()/float64(b.N), "s/run-all")
	b.ReportMetric(all.Seconds()/single.Seconds(), "ratio")
}

// BenchmarkNewSession measures a notebook of 30 cells that was run before, in a new session: all is in the cache.
func BenchmarkNewSession(b *testing.B) {
	var cells []string
	unique := time.Now().UnixNano()
	for i := range 30 {
		cells = append(cells, fmt.Sprintf("func g%d(x int) int { return x + %d }\ny%[1]d := g%[1]d(%[1]d)\nfmt.Println(y%[1]d)", i, unique))
	}
	run := func() time.Duration {
		s, _ := openFor(b)
		defer s.Close()
		start := time.Now()
		for _, c := range cells {
			if f := s.Execute(c, "cell"); f != nil {
				b.Fatal(f)
			}
		}
		return time.Since(start)
	}
	run()
	var again time.Duration
	for b.Loop() {
		again += run()
	}
	b.ReportMetric(again.Seconds()*1e3/float64(b.N*len(cells)), "ms/cell")
}

// BenchmarkUnchanged measures a compiled cell that is executed again.
func BenchmarkUnchanged(b *testing.B) {
	s, _ := openFor(b)
	for b.Loop() {
		if f := s.Execute("n := 0\nfor i := range 10 { n += i }\nfmt.Println(n)", "cell"); f != nil {
			b.Fatal(f)
		}
	}
}

// BenchmarkTools measures completion and inspection in a session that has some cells.
func BenchmarkTools(b *testing.B) {
	s, _ := openFor(b)
	for i := range 20 {
		cell := fmt.Sprintf("type t%d struct{ A, B int }\nfunc f%[1]d(x t%[1]d) int { return x.A }\nv%[1]d := f%[1]d(t%[1]d{1, 2})", i)
		if f := s.Execute(cell, "cell"); f != nil {
			b.Fatal(f)
		}
	}
	for name, source := range map[string]string{"name": "v1", "field": "x := t3{}\nx.", "package": "strings.Rep", "plot": "plot."} {
		b.Run("complete/"+name, func(b *testing.B) {
			for b.Loop() {
				if matches, _, _ := s.Completions(source, len(source)); len(matches) == 0 {
					b.Fatal("no matches")
				}
			}
		})
	}
	for name, source := range map[string]string{"session": "f3", "library": "ppo.Train", "std": "strings.Repeat"} {
		b.Run("inspect/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, found := s.Inspect(source, len(source), 0); !found {
					b.Fatal("not found")
				}
			}
		})
	}
}

// BenchmarkFiveHundredCells measures what the 500th new cell costs more than the first: in time, the medians of ten cells
// each, and in anonymous memory of kernel and worker. In one session every cell needs the first; in the other every cell
// needs the one before it, and so the linker has all earlier cells to look at.
func BenchmarkFiveHundredCells(b *testing.B) {
	for name, needs := range map[string]func(i int) int{
		"first":  func(int) int { return 0 },
		"before": func(i int) int { return max(0, i-1) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, _ := openFor(b)
				unique := time.Now().UnixNano()
				var took []time.Duration
				execute := func(i int) {
					start := time.Now()
					cell := fmt.Sprintf("func h%d(x int) int { return x + %d }\nz%[1]d := h%[1]d(%[1]d)\nfmt.Println(z%[1]d, z%[3]d)", i, unique, needs(i))
					if f := s.Execute(cell, "cell"); f != nil {
						b.Fatal(f)
					}
					took = append(took, time.Since(start))
				}
				for i := range 10 {
					execute(i)
				}
				before := anonymous(b, s)
				for i := 10; i < 500; i++ {
					execute(i)
				}
				b.ReportMetric(float64(anonymous(b, s)-before)/490/(1<<20), "MB/cell")
				first, last := median(took[:10]), median(took[490:])
				b.ReportMetric(first.Seconds()*1e3, "ms/first")
				b.ReportMetric(last.Seconds()*1e3, "ms/last")
				b.ReportMetric(last.Seconds()/first.Seconds(), "ratio")
				s.Close()
			}
		})
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// anonymous is how much memory, other than that of files, this process and the session's worker hold, in bytes.
func anonymous(t testing.TB, s *Session) (sum int64) {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	if f := s.Execute("debug.FreeOSMemory()", "cell"); f != nil {
		t.Fatal(f)
	}
	for _, pid := range []int{os.Getpid(), s.client.PID()} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			t.Skip(err)
		}
		_, rest, _ := strings.Cut(string(text), "\nAnonymous:")
		var kb int64
		if _, err := fmt.Sscan(rest, &kb); err != nil {
			t.Fatal(err)
		}
		sum += kb << 10
	}
	return sum
}

func TestACellCostsLessThanAMegabyte(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a hundred cells")
	}
	s, _ := open(t)
	const cells = 100
	var before int64
	for i := range cells + 10 {
		if i == 10 {
			before = anonymous(t, s)
		}
		cell := fmt.Sprintf("func m%d(x int) int { return x * %d }\nw%[1]d := m%[1]d(%[1]d)\nfmt.Println(w%[1]d, w%[3]d)", i, i, max(0, i-1))
		if f := s.Execute(cell, "cell"); f != nil {
			t.Fatal(f)
		}
	}
	if each := float64(anonymous(t, s)-before) / cells / (1 << 20); each > 1 {
		t.Errorf("a cell costs %.2f MB", each)
	} else {
		t.Logf("a cell costs %.2f MB", each)
	}
}
