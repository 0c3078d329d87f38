package session

import (
	"fmt"
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
