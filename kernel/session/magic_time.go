package session

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"math"
	"strconv"
	"strings"
	"time"

	"goalgap/kernel/worker"
)

// A clock adds up what parts of a cell take.
type clock struct{ wall, user, system time.Duration }

func (s *Session) magicClock() *clock { return s.magic.clock }

func (c *clock) add(d time.Duration) {
	if c != nil {
		c.wall += d
	}
}

// runTimed runs a compiled cell in the worker. When a magic command measures, the cell is loaded beforehand.
func (s *Session) runTimed(client *worker.Client, files []string, path string) *worker.Error {
	c := s.magic.clock
	if c == nil {
		return client.Run(files, path)
	}
	client.Load(files) // if that fails, so does the run
	before, err := client.Usage()
	start := time.Now()
	e := client.Run(files, path)
	c.wall += time.Since(start)
	if after, afterErr := client.Usage(); err == nil && afterErr == nil {
		c.user += after.User - before.User
		c.system += after.System - before.System
	}
	return e
}

func init() {
	addMagics(
		&magic{name: "time", usage: "STATEMENT", short: "run a statement, or with %% the cell, and say how long it took",
			long: "Prints the wall clock's time and the processor's time. What the compiler took is not in them, and is said apart. Names that the\n" +
				"statement declares are the session's, and the value of an expression is shown.",
			line: func(m *magicCall) *Failure {
				if m.args == "" {
					return m.usage()
				}
				text := strings.Repeat("\n", m.line-1) + strings.Repeat(" ", m.col-1) + m.args
				return m.timed(func() *Failure { return m.goPart(part{text: text, line: 1}, m.label, true) })
			},
			cell: func(m *magicCall) *Failure {
				if m.args != "" {
					return m.fail("what is measured stands below %%%%time; %%time measures the statement behind it")
				}
				return m.timed(m.runBody)
			}},
		&magic{name: "timeit", usage: "[-n LOOPS] [-r RUNS] STATEMENT", short: "run a statement, or with %% the cell, many times and say how long one takes",
			long: "The statement is compiled into a loop. How often it turns is found out, unless -n says it, so that a run takes a tenth of a\n" +
				"second; the mean and the standard deviation are those of 7 runs (-r). Of a cell, the statement in the line of %%timeit is run once\n" +
				"before each run, and is not measured. Names that the statement declares stay inside.",
			line: func(m *magicCall) *Failure { return m.timeit(false) },
			cell: func(m *magicCall) *Failure { return m.timeit(true) }},
	)
}

func (m *magicCall) timed(f func() *Failure) *Failure {
	c := &clock{}
	old := m.Session.magic.clock
	m.Session.magic.clock = c
	start := time.Now()
	failure := f()
	total := time.Since(start)
	m.Session.magic.clock = old
	if failure != nil && (failure.Died || c.wall == 0) {
		return failure
	}
	m.print("CPU times: user %s, sys: %s, total: %s\nWall time: %s\n", duration(c.user), duration(c.system), duration(c.user+c.system), duration(c.wall))
	if compiling := total - c.wall; compiling > 100*time.Millisecond {
		m.print("Compiler: %s\n", duration(compiling))
	}
	return failure
}

func duration(d time.Duration) string { return seconds(d.Seconds()) }

// seconds writes a time with three digits and its unit.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s) || s < 0:
		return "?"
	case s >= 60:
		return time.Duration(s * float64(time.Second)).Round(time.Second / 10).String()
	}
	unit, scale := "s", 1.0
	for _, u := range []struct {
		name  string
		scale float64
	}{{"s", 1}, {"ms", 1e3}, {"µs", 1e6}, {"ns", 1e9}} {
		if unit, scale = u.name, u.scale; s*scale >= 1 {
			break
		}
	}
	if s == 0 {
		return "0 ns"
	}
	v := s * scale
	digits := 2
	if v >= 100 {
		digits = 0
	} else if v >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + unit
}

// timeitLoop is the program that measures. A variable that keeps the value keeps the compiler from leaving the statement
// out. The names are such that no statement means them.
const (
	timeitHead = `import timeitˍtime "time"; import timeitˍruntime "runtime"; func() []float64 { timeitˍloop := func(timeitˍn int) float64 { `
	timeitTail = `
return timeitˍtime.Since(timeitˍstart).Seconds() }
timeitˍn, timeitˍruns := %d, %d
for timeitˍn == 0 {
	for timeitˍk := 1; timeitˍn == 0; timeitˍk *= 10 {
		for _, timeitˍf := range []int{1, 2, 5} {
			if timeitˍloop(timeitˍk * timeitˍf) >= 0.1 || timeitˍk >= 1000000000 {
				timeitˍn = timeitˍk * timeitˍf
				break
			}
		}
	}
}
timeitˍtimes := []float64{float64(timeitˍn)}
for range timeitˍruns {
	timeitˍtimes = append(timeitˍtimes, timeitˍloop(timeitˍn) / float64(timeitˍn))
}
return timeitˍtimes
}()
`
)

func (m *magicCall) timeit(cell bool) *Failure {
	loops, runs := 0, 7
	args, col := m.args, m.col
	for {
		flag, rest, _ := strings.Cut(args, " ")
		if flag != "-n" && flag != "-r" {
			break
		}
		number, statement, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return m.fail("%s takes a number above 0, not %q", flag, number)
		}
		if flag == "-n" {
			loops = n
		} else {
			runs = n
		}
		left := strings.TrimLeft(statement, " ")
		col += len(args) - len(left)
		args = left
	}
	statement, setup, line := args, "", m.line
	if cell {
		statement, setup, line, col = strings.TrimSpace(m.body), args, m.bodyLine, 1
		line += strings.Count(m.body[:strings.Index(m.body, statement)], "\n")
	}
	if statement == "" {
		return m.usage()
	}
	head := timeitHead + setup + "; "
	plainLoop := head + "timeitˍstart := timeitˍtime.Now(); for range timeitˍn { "
	tail := fmt.Sprintf(timeitTail, loops, runs)
	file := "timeit"
	m.labels[file] = m.label
	// The value of an expression is kept; whether it has one, the type checker knows.
	text := ""
	if e, err := parser.ParseExpr(statement); err == nil {
		if _, isFunc := e.(*ast.FuncLit); !isFunc && !strings.Contains(statement, "\n") {
			keeping := head + "timeitˍv := " + statement + "; timeitˍstart := timeitˍtime.Now(); for range timeitˍn { timeitˍv = " + statement +
				" }; timeitˍruntime.KeepAlive(timeitˍv)" + tail
			if _, err := m.check(context.Background(), keeping, file); err == nil {
				text = keeping
			}
		}
	}
	padding := strings.Repeat("\n", line-1)
	if text == "" {
		text = plainLoop + statement + "\n}" + tail
		if _, err := m.check(context.Background(), padding+text, file); err != nil {
			if list, ok := err.(ErrorList); ok {
				for _, e := range list {
					if e.Line == line {
						e.Col += col - 1 - len(plainLoop)
					}
				}
			}
			return m.compileFailure(context.Background(), err, m.source, m.label)
		}
	}
	result, f := m.value(padding+text, m.label)
	if f != nil {
		var trace []string
		for _, t := range f.Traceback {
			if strings.Contains(t, "timeitˍ") {
				t = "    " + firstLine(statement)
			}
			frame, ok := strings.CutPrefix(t, dim+m.label+":")
			number, _, _ := strings.Cut(frame, plain)
			if n, err := strconv.Atoi(number); !ok || err != nil || n <= line+strings.Count(statement, "\n") {
				trace = append(trace, t) // what is below is the measuring itself
			}
		}
		f.Traceback = trace
		return f
	}
	var times []float64
	for _, field := range strings.Fields(strings.Trim(result, "[]")) {
		t, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return m.fail("measuring: %w", err)
		}
		times = append(times, t)
	}
	if len(times) < 2 {
		return m.fail("nothing was measured")
	}
	mean, deviation := meanAndDeviation(times[1:])
	m.print("%s ± %s per loop (mean ± std. dev. of %d runs, %.0f loops each)\n", seconds(mean), seconds(deviation), runs, times[0])
	return nil
}

func meanAndDeviation(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}
