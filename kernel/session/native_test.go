package session

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// natives are computations whose speed is compared with that of the same code built by go build: declarations, and the
// expression that is timed.
var natives = []struct{ name, declarations, run string }{
	{"fib35", "func fib(n int) int {\n\tif n < 2 {\n\t\treturn n\n\t}\n\treturn fib(n-1) + fib(n-2)\n}", "fib(35)"},
	{"add1e8", "func add(n int) float64 {\n\tsum := 0.0\n\tfor i := 0; i < n; i++ {\n\t\tsum += float64(i)\n\t}\n\treturn sum\n}", "add(1e8)"},
	{"environment", `// line is a walk on a line to its right end, 10 steps away.
type line struct {
	position int
	steps    int
}

func (l *line) Spec() env.Spec {
	return env.Spec{Name: "line", Actions: 2, Sparse: 21, MaxActive: 1, Dense: 1, MaxSteps: 40}
}

func (l *line) Reset(seed int64) { l.position, l.steps = int(seed%5), 0 }

func (l *line) Step(action int) (float32, env.End) {
	l.steps++
	l.position += 2*action - 1
	switch {
	case l.position >= 10:
		return 1, env.Terminated
	case l.position < -10:
		l.position = -10
	}
	if l.steps == 40 {
		return 0, env.Truncated
	}
	return 0, env.Running
}

func (l *line) Observe(active []int32, dense []float32) {
	active[0], dense[0] = int32(l.position+10), float32(l.position)
}

// play steps 16 environments and returns the sum of their rewards.
func play(steps int) (sum float64) {
	const n = 16
	v, err := env.NewVec(func() (env.Env, error) { return &line{}, nil }, n, env.Levels{}, 1)
	if err != nil {
		panic(err)
	}
	actions := make([]int32, n)
	for t := 0; t < steps/n; t++ {
		for i := range actions {
			actions[i] = int32((t + i) & (t >> 2) & 1)
		}
		v.StepRange(0, n, actions)
		for _, r := range v.Reward {
			sum += float64(r)
		}
	}
	return sum
}`, "play(3e6)"},
}

// BenchmarkNative compares what a cell computes with the same code in a program of go build, the best of many turns of
// each: the metric is the cell's time divided by the program's.
func BenchmarkNative(b *testing.B) {
	s, r := openFor(b)
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range natives {
		b.Run(n.name, func(b *testing.B) {
			dir := b.TempDir()
			imports := "import (\n\t\"fmt\"\n\t\"time\"\n"
			if strings.Contains(n.declarations, "env.") {
				imports += "\t\"goalgap/lib/env\"\n"
			}
			timed := "start := time.Now()\n_ = fmt.Sprint(" + n.run + ")\nfmt.Print(time.Since(start).Nanoseconds())"
			source := filepath.Join(dir, "main.go")
			program := filepath.Join(dir, "program")
			text := "package main\n" + imports + ")\n" + n.declarations + "\nfunc main() {\n" + timed + "\n}\n"
			if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			build := exec.Command("go", "build", "-o", program, source)
			build.Dir = root
			if out, err := build.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			if f := s.Execute(n.declarations, "cell"); f != nil {
				b.Fatal(f)
			}
			best := [2]time.Duration{time.Hour, time.Hour}
			measured := func(i int, text string) {
				t, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				best[i] = min(best[i], time.Duration(t))
			}
			for b.Loop() {
				for range 20 {
					r.take()
					if f := s.Execute(timed, "cell"); f != nil {
						b.Fatal(f)
					}
					measured(0, r.take())
					out, err := exec.Command(program).Output()
					if err != nil {
						b.Fatal(err)
					}
					measured(1, string(out))
				}
			}
			b.ReportMetric(float64(best[0].Microseconds())/1e3, "ms/cell")
			b.ReportMetric(float64(best[1].Microseconds())/1e3, "ms/program")
			b.ReportMetric(best[0].Seconds()/best[1].Seconds(), "ratio")
		})
	}
}
