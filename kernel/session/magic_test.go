package session

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMagicLinesAreWhereAStatementCouldBegin(t *testing.T) {
	s := &Session{names: map[string]*entry{}}
	for _, test := range []struct{ cell, want string }{
		{"x := 1", ""},
		{"%pwd", "pwd()"},
		{"x := 1\n%time f()\ny := 2", "go pwd"},
		{"a := 7 +\n%time", ""},
		{"s := `\n%pwd\n!ls\n`", ""},
		{"/*\n%pwd\n*/", ""},
		{"// what?", ""},
		{"func f() {\n\t%pwd\n}", ""},
		{"!ls -l", "!ls -l"},
		{"!echo a \\\n  b", "!echo a \\\n  b"},
		{"done := true\n!done", ""},
		{"!strings.Contains(\"a\", \"b\")", ""},
		{"!done", "!done"},
		{"fmt.Println?", "fmt.Println ?"},
		{"fmt.Println??", "fmt.Println ??"},
		{"?x", "x ?"},
		{"%time?", "%time ?"},
		{"%%bash -e\nls \"\n", "bash(-e){ls \"\n}"},
		{"%%\nx := 1", "()"},
		{"  \n%env A=\"b c\"", "env(A=\"b c\")"},
	} {
		var got []string
		for _, p := range s.cut(test.cell) {
			switch p.kind {
			case linePart:
				got = append(got, p.name+"("+p.args+")")
			case cellPart:
				got = append(got, p.name+"("+p.args+"){"+p.body+"}")
			case shellPart:
				got = append(got, "!"+p.text)
			case helpPart:
				got = append(got, p.name+" "+p.args)
			}
		}
		want := test.want
		if want == "go pwd" {
			want = "time(f())"
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%q: got %q, not %q", test.cell, got, want)
		}
	}
}

// matches executes a cell whose output must match a pattern.
type matches struct{ cell, out, fails string }

func playMatches(t *testing.T, s *Session, r *recorder, steps []matches) {
	t.Helper()
	for i, st := range steps {
		f := s.Execute(st.cell, fmt.Sprintf("cell [%d]", i+1))
		out := r.take()
		if (f != nil) != (st.fails != "") || f != nil && !regexp.MustCompile(st.fails).MatchString(f.Name+": "+f.Value) {
			t.Errorf("%q: failed with %v, not %q; it put out %q", st.cell, f, st.fails, out)
			if f != nil {
				t.Log(strings.Join(f.Traceback, "\n"))
			}
		}
		if !regexp.MustCompile(`(?s)^` + st.out + `$`).MatchString(out) {
			t.Errorf("%q: put out\n%q, not\n%q", st.cell, out, st.out)
		}
	}
}

func TestMagicsOfNamesAndFiles(t *testing.T) {
	s, r := open(t)
	dir := s.dir
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	playMatches(t, s, r, []matches{
		{"k := 4\n!true", "", ""},
		{"k := fmt.Sprint(k + 1)\nk", `\[result 5\]`, ""},
		{"%save sub/saved.go 1-2", `2 cells were written to sub/saved.go\n`, ""},
		{"%save sub/saved.go", "", "magic: the file sub/saved.go exists"},
		{"%reset\n%run sub/saved.go", `all names.*\[result 5\]`, ""},
		{"x := 3\n%pwd\nx", regexp.QuoteMeta(dir) + "\n\\[result 3\\]", ""},
		{"x\n%pwd", regexp.QuoteMeta(dir) + "\n", ""},
		{"%pwd\n\nx := undefinedName", ".*", "compile error: undefined: undefinedName"},
		{"%env GOALGAP_TEST=some value\nos.Getenv(\"GOALGAP_TEST\")\n", `env: GOALGAP_TEST=some value\n\[result some value\]`, ""},
		{"!echo $GOALGAP_TEST; echo problem >&2; exit 3", `.*some value.*`, "shell: the command ended with exit status 3"},
		{"%cd sub\n%pwd\nos.WriteFile(\"f.txt\", []byte(\"text\"), 0o600)\n!cat f.txt", ".*/sub\n.*/sub\ntext", ""},
		{"%cd -\n%cat sub/f.txt", regexp.QuoteMeta(dir) + "\ntext", ""},
		{"%cd missing", "", "magic: chdir .*missing: no such file"},
		{"%%writefile sub/g.go\npackage main\n\n// answer is known.\nfunc answer() int { return 42 }\n\nfunc main() { fmt.Println(answer()) }\n", "Writing sub/g.go\n", ""},
		{"%run sub/g.go", "42\n", ""},
		{"answer()", `\[result 42\]`, ""},
		{"answer?", `func answer\(\) int\n    answer is known.\n`, ""},
		{"fmt.Println?", `.*func Println\(a \.\.\.any\).*`, ""},
		{"type point struct{ x, y float64 }\np := &point{1, 2}\nlong := make([]int, 1000)\n%whos", `Name .*long +var +\[\]int +len 1000: \[0 0 .*p +var +\*point +&\{x:1 y:2\}.*x +var +int +3\n`, ""},
		{"%who func", "answer\tmain\n", ""},
		{"%%capture text\nfmt.Println(\"hidden\")", "", ""},
		{"text", `\[result hidden\n\]`, ""},
		{"%%html\n<b>x</b>", `\[display HTML\]`, ""},
		{"%%script cat\na\nb\n", "a\nb\n", ""},
		{"%%bash\nfor i in 1 2; do\n  echo $i\ndone", "1\n2\n", ""},
		{"%del x\nx", "", "compile error: undefined: x"},
		{"%tim", "", "magic: there is no magic command %tim; did you mean %time"},
		{"%time?", `%time STATEMENT\n.*`, ""},
		{"%version", `goalgap .*, go1\..*`, ""},
		{"%history -n 1", `.*%version\n`, ""},
		{"%save sub/all.txt\n!grep -c answer sub/all.txt", `\d+ cells were written to sub/all.txt\n\d+\n`, ""},
		{"%reset -f\nlong", "all names.*", "compile error: undefined: long"},
		{"os.Getenv(\"GOALGAP_TEST\")", `\[result some value\]`, ""},
	})
	if err := s.Check("%pwd\ny := 1\n!ls 'x"); err != nil {
		t.Errorf("a cell with commands does not pass the check: %v", err)
	}
}

func TestMagicTime(t *testing.T) {
	s, r := open(t)
	playMatches(t, s, r, []matches{
		{"%time time.Sleep(30*time.Millisecond)", `CPU times: user .*, sys: .*, total: .*\nWall time: \d+(\.\d)? ms\n(Compiler: .*)?`, ""},
		{"%time y := 2\ny", `CPU.*\[result 2\]`, ""},
		{"%%time\nz := y + 1\nz", `\[result 3\]CPU.*`, ""},
		{"%timeit -r 3 time.Sleep(time.Millisecond)", `[1-9]\.\d\d ms ± .* per loop \(mean ± std\. dev\. of 3 runs, \d+ loops each\)\n`, ""},
		{"%timeit -n 10 -r 2 y + z", `.* ns ± .* of 2 runs, 10 loops each\)\n`, ""},
		{"%timeit -n 3 -r 1 panic(\"lost\")", "", "^panic: lost$"},
		{"%time missing()", "", "compile error: undefined: missing"},
		{"%%timeit -n 5 -r 2 a := 0\nfor range 10 {\n\ta++\n}", `.* of 2 runs, 5 loops each\)\n`, ""},
	})
	f := s.Execute("y := 1\n%timeit y + missing", "cell 1")
	if f == nil || f.Line != 2 || !strings.Contains(strings.Join(f.Traceback, "\n"), "cell 1:2:13:") {
		t.Errorf("got %+v", f)
	}
}

func TestMagicTestAndBench(t *testing.T) {
	s, r := open(t)
	playMatches(t, s, r, []matches{
		{"%test -v\nfunc double(n int) int { return 2*n }\nfunc TestDouble(t *testing.T) { if double(2) != 4 { t.Fatal(double(2)) } }\nfunc ExampleDouble() {\n\tfmt.Println(double(4))\n\t// Output: 8\n}",
			`=== RUN   TestDouble\n--- PASS: TestDouble .*--- PASS: ExampleDouble .*PASS\n`, ""},
		{"func TestWrong(t *testing.T) {\n\tt.Error(\"not so\")\n}\nfunc TestPanics(t *testing.T) { panic(\"lost\") }\n%test -run Wrong|Panics", `.*--- FAIL: TestWrong.*cell \[2\]:2: not so\n.*FAIL\n`, "test failed: TestPanics, TestWrong"},
		{"kept := 41\nfunc TestParts(t *testing.T) {\n\tt.Run(\"lost\", func(t *testing.T) { panic(\"lost\") })\n\tt.Run(\"skipped\", func(t *testing.T) { t.Skip() })\n\tt.Run(\"fatal\", func(t *testing.T) { t.Fatal(\"fatal\") })\n\tt.Run(\"good\", func(t *testing.T) { t.Parallel() })\n}\n%test -v -run Parts",
			`.*panic: lost.*--- FAIL: TestParts/lost.*--- SKIP: TestParts/skipped.*--- FAIL: TestParts/fatal.*--- PASS: TestParts/good.*`, "test failed: TestParts"},
		{"kept + 1", `\[result 42\]`, ""},
		{"func FuzzDouble(f *testing.F) {\n\tf.Add(1)\n\tf.Fuzz(func(t *testing.T, n int) { if double(n) != n+n { t.Fatal(n) } })\n}\n%test -run FuzzDouble -v", `.*--- PASS: FuzzDouble/seed#0.*PASS\n`, ""},
		{"func BenchmarkDouble(b *testing.B) { for b.Loop() { double(3) } }\n%bench -benchtime 100x", `.*BenchmarkDouble\S*\s+100\s+.* ns/op.*allocs/op.*PASS\n`, ""},
		{"%test -fuzztime 1s", "", "magic: inputs cannot be searched for"},
	})
}

func TestShellLinesTakeValues(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{
		{cell: "name, n := \"Ada\", 4\nxs := []string{\"p\", \"q\"}\nfunc twice(n int) int { return 2 * n }"},
		{cell: "!echo {name} {n + 1} {twice(n)} {xs[1]} {len(xs)} {unknown} {a,b}", out: "Ada 5 8 q 2 {unknown} a b\n"},
		{cell: "n = 7\n!echo {n} ${HOME:+home} | awk '{print $1, $2}'", out: "7 home\n"},
		{cell: "!n=3; echo ${n}", out: "3\n"},
		{cell: "!echo {n.x}", fails: "n.x undefined"},
	})
}

func TestAnInterruptInASubtestKeepsTheState(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "kept := 41\nfunc TestLong(t *testing.T) {\n\tt.Run(\"a\", func(t *testing.T) { for {} })\n\tt.Run(\"b\", func(t *testing.T) { time.Sleep(time.Hour) })\n}"}})
	if f, took := interrupted(t, s, "%test -run Long"); f == nil || f.Died || took > 2500*time.Millisecond {
		t.Errorf("after %v: %v", took, f)
	}
	r.take()
	playIn(t, s, r, []step{{cell: "kept + 1", out: "[result 42]"}})
}

func TestMagicShellLinesStreamAndCanBeInterrupted(t *testing.T) {
	s, r := open(t)
	done := make(chan *Failure)
	go func() { done <- s.Execute("kept := 1\n!echo started; sleep 60", "cell 1") }()
	for deadline := time.Now().Add(30 * time.Second); r.take() != "started\n"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the output did not come while the command ran")
		}
	}
	s.Interrupt()
	select {
	case f := <-done:
		if f == nil || !f.Interrupted {
			t.Fatalf("got %v", f)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("the command did not stop")
	}
	playIn(t, s, r, []step{{cell: "kept", out: "[result 1]"}})
}

func TestMagicTestCanBeInterrupted(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "kept := 1\nfunc TestLoop(t *testing.T) { fmt.Println(\"started\"); for {} }"}})
	done := make(chan *Failure)
	go func() { done <- s.Execute("%test", "cell 2") }()
	for deadline := time.Now().Add(30 * time.Second); r.take() == ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the test did not start")
		}
	}
	s.Interrupt()
	if f := <-done; f == nil || !f.Interrupted || f.Died {
		t.Fatalf("got %v", f)
	}
	r.take()
	playIn(t, s, r, []step{{cell: "kept", out: "[result 1]"}})
}

func TestMagicMemoryLimit(t *testing.T) {
	s, r := open(t)
	playMatches(t, s, r, []matches{
		{"%memlimit 600MB", "memory limit: 572.2 MiB\n", ""},
		{"var hoard [][]byte\nfor { hoard = append(hoard, make([]byte, 50<<20)); for i := 0; i < 50<<20; i += 4096 { hoard[len(hoard)-1][i] = 1 } }", ".*", "out of memory: the cell needed more than 572.2 MiB"},
		{"1 + 1", `\[result 2\]`, ""},
		{"%memlimit", "memory limit: 572.2 MiB\n", ""},
		{"%memlimit off", "no memory limit is set\n", ""},
		{"%memlimit much", "", "magic: a size is"},
	})
}

// moduleProxy serves one module, example.com/greeting, and makes the go command use it.
func moduleProxy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "example.com/greeting/@v")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	mod := "module example.com/greeting\n\ngo 1.21\n"
	for name, text := range map[string]string{"go.mod": mod, "greeting.go": "// Package greeting greets.\npackage greeting\n\n// Hello greets.\nfunc Hello() string { return \"hello\" }\n"} {
		w, err := z.Create("example.com/greeting@v1.0.0/" + name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"list": "v1.0.0\n", "v1.0.0.info": `{"Version":"v1.0.0"}`, "v1.0.0.mod": mod, "v1.0.0.zip": b.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOPROXY", "file://"+filepath.Dir(filepath.Dir(filepath.Dir(dir)))+","+cmp.Or(os.Getenv("GOPROXY"), "off"))
	t.Setenv("GONOSUMDB", "example.com")
}

func TestMagicGetLeavesTheProjectAlone(t *testing.T) {
	s, r := open(t)
	moduleProxy(t)
	before, err := os.ReadFile(filepath.Join(s.tools.root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { tools.modfile = "" }()
	playMatches(t, s, r, []matches{
		{"%get example.com/greeting", "added example.com/greeting v1.0.0\n", ""},
		{"greeting.Hello()", `\[result hello\]`, ""},
		{"import g \"example.com/greeting\"\nlen(g.Hello())", `\[result 5\]`, ""},
		{"greeting.Hello?", `.*func Hello\(\) string.*`, ""},
		{"%get example.com/missing", "", "magic: go get: "},
		{"%get", "", "magic: this is used as %get MODULE"},
		{"%reload\nimport \"example.com/greeting\"\ngreeting.Hello()", `packages are compiled again.*\[result hello\]`, ""},
	})
	after, err := os.ReadFile(filepath.Join(s.tools.root, "go.mod"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the project's go.mod was changed: %v\n%s", err, after)
	}
}

func TestMagicCompletions(t *testing.T) {
	s, _ := open(t)
	for _, name := range []string{"data.csv", "date.txt", ".hidden", "dir/inner.go"} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ source, want string }{ // the cursor stands at |
		{"%ti|", "%time %timeit %%time %%timeit"},
		{"x := 1\n%ti|", "%time %timeit"},
		{"%%wri|", "%%writefile"},
		{"%cd d|", "dir/"},
		{"!cat da|", "data.csv date.txt"},
		{"!cat dir/|", "inner.go"},
		{"%%writefile da|", "data.csv date.txt"},
		{"%load date|", "date.txt"},
		{"b := os.ReadFile(\"da|\")", "data.csv date.txt"},
		{"b := os.ReadFile(\"dir/in|", "inner.go"},
		{"%time strings.ToUp|", "ToUpper ToUpperSpecial"},
		{"%pwd\nstrings.ToUp|", "ToUpper ToUpperSpecial"},
		{"%%time\nstrings.ToUp|", "ToUpper ToUpperSpecial"},
		{"%help tim|", "time timeit"},
	} {
		at := strings.Index(test.source, "|")
		matches, _, end := s.Completions(strings.Replace(test.source, "|", "", 1), at)
		if got := strings.Join(matches, " "); got != test.want || end != at {
			t.Errorf("%q: got %q up to %d, not %q", test.source, got, end, test.want)
		}
	}
}

func TestMagicsAreCompleteCells(t *testing.T) {
	for source, want := range map[string]string{
		"%time x": "complete", "!ls": "complete", "!ls '": "complete", "!ls \\": "incomplete", "%%bash": "incomplete", "%%bash\nls": "incomplete",
		"%%bash\nls\n\n": "complete", "%pwd\nfor {": "incomplete", "%pwd\nx := 1": "complete", "x?": "complete", "%%time\nx\n\n": "complete",
	} {
		if got := Complete(source); got != want {
			t.Errorf("%q is %s, not %s", source, got, want)
		}
	}
}

func TestAProfileShowsTheFunctionsOfCells(t *testing.T) {
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }"}})
	if f := s.Execute("%prun -l 9 fib(40)", "cell 1"); f != nil {
		t.Fatal(f)
	}
	out := r.take()
	if !strings.Contains(out, "[result 102334155]") || !strings.Contains(out, " fib\n") || strings.Contains(out, "nb/") || strings.Contains(out, "goalgap/kernel/worker.") {
		t.Errorf("it put out\n%s", out)
	}
	playIn(t, s, r, []step{
		{cell: "%prun", fails: "this is used as %prun"},
		{cell: "%prun -l 0 fib(1)", fails: "-l takes a number above 0"},
		{cell: "%prun panic(\"x\")", fails: "panic: x"},
	})
	// It can be begun anew after a failure. A cell so short is hardly ever seen at work.
	if f := s.Execute("%%prun\nfib(2)", "cell 2"); f != nil {
		t.Fatal(f)
	}
	if out := r.take(); !strings.HasPrefix(out, "[result 1]") || !strings.Contains(out, "nothing was seen") && !strings.Contains(out, "Total samples") {
		t.Errorf("it put out\n%s", out)
	}
}
