package session

import "testing"

func TestStatementsAtTheTopLevel(t *testing.T) {
	playAll(t, []situation{
		{"declarations and statements in any order", []step{
			{cell: "fmt.Println(later(2), limit)\nconst limit = 9\nfunc later(n int) int { return n * limit }", out: "18 9\n"},
			{cell: "a1 := 1\ntype pair struct{ l, r int }\nb1 := pair{a1, 2}\nfunc (p pair) sum() int { return p.l + p.r }\nb1.sum()", out: "[result 3]"},
		}},
		{"if, for, switch, select", []step{
			{cell: "n := 0\nfor i := 0; i < 4; i++ {\n\tif i == 2 {\n\t\tcontinue\n\t}\n\tn += i\n}\nn", out: "[result 4]"},
			{cell: "switch {\ncase n > 3:\n\tfmt.Println(\"big\")\n\tfallthrough\ncase n > 100:\n\tfmt.Println(\"fell\")\ndefault:\n\tfmt.Println(\"no\")\n}", out: "big\nfell\n"},
			{cell: "c := make(chan int, 1)\nselect {\ncase c <- 5:\ndefault:\n\tfmt.Println(\"full\")\n}\nselect {\ncase v, ok := <-c:\n\tfmt.Println(v, ok)\ncase <-time.After(time.Minute):\n}", out: "5 true\n"},
			{cell: "if v := n * 2; v > 5 { fmt.Println(v) } else if v > 2 { fmt.Println(\"else\") }", out: "8\n"},
			{cell: "var any1 any = 3.5\nswitch v := any1.(type) {\ncase int:\n\tfmt.Println(\"int\", v)\ncase float64, float32:\n\tfmt.Printf(\"%T\\n\", v)\ncase nil:\n}", out: "float64\n"},
			{cell: "switch x := any1.(type) { case error: _ = x }", out: ""},
		}},
		{"labels, goto and break", []step{
			{cell: "outer:\nfor i := range 3 {\n\tfor j := range 3 {\n\t\tif j == 1 { continue outer }\n\t\tif i == 2 { break outer }\n\t\tfmt.Print(i, j, \";\")\n\t}\n}", out: "0 0;1 0;"},
			{cell: "k := 0\nagain:\nk++\nif k < 3 { goto again }\nk", out: "[result 3]"},
			{cell: "loop: for { break loop }"},
			{cell: "func labelled() int {\n\ti := 0\nL:\n\ti++\n\tif i < 5 { goto L }\n\treturn i\n}\nlabelled()", out: "[result 5]"},
		}},
		{"defer and recover", []step{
			{cell: "defer fmt.Println(\"deferred\")\nfmt.Println(\"first\")", out: "first\ndeferred\n"},
			{cell: "func safe(f func()) (err error) {\n\tdefer func() { if r := recover(); r != nil { err = fmt.Errorf(\"caught %v\", r) } }()\n\tf()\n\treturn nil\n}\nerr := safe(func() { panic(\"x\") })\nerr.Error()", out: "[result caught x]"},
			{cell: "defer func() { fmt.Println(\"recovered:\", recover()) }()\npanic(\"top\")", out: "recovered: top\n"},
		}},
		{"goroutines and channels across cells", []step{
			{cell: "ch := make(chan int)\nvar wg sync.WaitGroup\ntotal := 0"},
			{cell: "wg.Go(func() { for v := range ch { total += v } })"},
			{cell: "for i := range 5 { ch <- i }\nclose(ch)\nwg.Wait()\ntotal", out: "[result 10]"},
			{cell: "var mu sync.Mutex\ncount := 0\nfor range 50 { wg.Add(1); go func() { defer wg.Done(); mu.Lock(); defer mu.Unlock(); count++ }() }\nwg.Wait()\ncount", out: "[result 50]"},
			{cell: "var once sync.Once\nfor range 3 { once.Do(func() { fmt.Println(\"once\") }) }", out: "once\n"},
		}},
		{"range over functions and integers", []step{
			{cell: "func upTo(n int) iter.Seq[int] { return func(yield func(int) bool) { for i := range n { if !yield(i) { return } } } }"},
			{cell: "for i := range upTo(10) { if i == 3 { break }; fmt.Print(i) }", out: "012"},
			{cell: "slices.Collect(upTo(3))", out: "[result [0 1 2]]"},
			{cell: "for i, v := range slices.Backward([]string{\"a\", \"b\"}) { fmt.Print(i, v) }", out: "1b0a"},
			{cell: "next, stop := iter.Pull(upTo(2))\ndefer stop()\nv1, ok1 := next()\nfmt.Println(v1, ok1)", out: "0 true\n"},
			{cell: "for range 2 { fmt.Print(\"x\") }", out: "xx"},
			{cell: "slices.Sorted(maps.Keys(map[string]int{\"b\": 1, \"a\": 2}))", out: "[result [a b]]"},
		}},
		{"constants", []step{
			{cell: "type weekday int\nconst (\n\tsun weekday = iota\n\tmon\n\ttue\n)\nfunc (d weekday) String() string { return [...]string{\"S\", \"M\", \"T\"}[d] }"},
			{cell: "fmt.Println(sun, mon, tue, int(tue))", out: "S M T 2\n"},
			{cell: "const big = 1 << 100\nconst f32 float32 = 1.5\nbig >> 98", out: "[result 4]"},
			{cell: "big >> 99", out: "[result 2]"},
			{cell: "const (\n\t_ = iota\n\tkb = 1 << (10 * iota)\n\tmb\n)\nfmt.Println(kb, mb)", out: "1024 1048576\n"},
			{cell: "const hello, r1 = \"h\", 'x'\nfmt.Printf(\"%s %c %T\", hello, r1, r1)", out: "h x int32"},
			{cell: "var arr [tue + 1]int\nlen(arr)", out: "[result 3]"},
			{cell: "switch d := mon; d { case sun: fmt.Print(0); case mon: fmt.Print(1) }", out: "1"},
		}},
		{"assignments", []step{
			{cell: "a, b := 1, 2\na, b = b, a\nfmt.Println(a, b)", out: "2 1\n"},
			{cell: "a, b := b, a\nfmt.Println(a, b)", out: "1 2\n"},
			{cell: "a, c2 := 7, 8\nfmt.Println(a, c2)", out: "7 8\n"},
			{cell: "xs := []int{1, 2, 3}\nxs[0], xs[2] = xs[2], xs[0]\nxs", out: "[result [3 2 1]]"},
			{cell: "m := map[string]int{\"a\": 1}\nv, ok := m[\"a\"]\n_, missing := m[\"z\"]\nfmt.Println(v, ok, missing)", out: "1 true false\n"},
			{cell: "var i any = 5\nn, isInt := i.(int)\nfmt.Println(n, isInt)", out: "5 true\n"},
			{cell: "_, _ = a, b"},
			{cell: "a += 10; a <<= 1; a &^= 1; a", out: "[result 34]"},
			{cell: "p := &a\n*p++\na", out: "[result 35]"},
			{cell: "var x1, y1 int = 1, 2\nvar _ = x1\nvar _, z1 = 3, 4\nx1 + y1 + z1", out: "[result 7]"},
		}},
		{"x := x and var x = x", []step{
			{cell: "x := 1"},
			{cell: "x := x + 1\nx", out: "[result 2]"},
			{cell: "var x = x * 10\nx", out: "[result 20]"},
			{cell: "var x float64 = float64(x) / 8\nx", out: "[result 2.5]"},
			{cell: "x := func() float64 { return x + 1 }()\nx", out: "[result 3.5]"},
			{cell: "var x = []float64{x, x}\nx", out: "[result [3.5 3.5]]"},
			{cell: "x := len(x)\nx", out: "[result 2]"},
			{cell: "y := x\nx := 9\ny, x = x, y\nfmt.Println(x, y)", out: "2 9\n"},
			{cell: "x := x\nx := x + 1\nx", out: "[result 3]"},
		}},
		{"blank and semicolon", []step{
			{cell: "\n\n"}, {cell: "   \t\n"}, {cell: ";"}, {cell: ";;"}, {cell: "/* a */ // b"}, {cell: "{}"}, {cell: "{ z := 1; fmt.Println(z) }", out: "1\n"},
			{cell: "5;"}, {cell: "5 // five", out: "[result 5]"}, {cell: "5; // five"}, {cell: "(5)", out: "[result 5]"}, {cell: "/* before */ 5 /* after */", out: "[result 5]"},
			{cell: "5\n\n// trailing comment\n/* and\nanother */\n", out: "[result 5]"},
		}},
		{"functions as values", []step{
			{cell: "counter := func() func() int { n := 0; return func() int { n++; return n } }()"},
			{cell: "counter(); counter()", out: "[result 2]"},
			{cell: "fact := func(n int) int { return n }\nvar fib func(int) int\nfib = func(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }\nfib(10) + fact(1)", out: "[result 56]"},
			{cell: "func apply(f func(int) int, n int) int { return f(n) }\napply(fib, 7)", out: "[result 13]"},
			{cell: "f2 := apply\nf2(fib, 6)", out: "[result 8]"},
			{cell: "func variadic(pre string, ns ...int) string { return fmt.Sprint(pre, len(ns)) }"},
			{cell: "fmt.Println(variadic(\"a\"), variadic(\"b\", 1, 2), variadic(\"c\", []int{1, 2, 3}...))", out: "a0 b2 c3\n"},
			{cell: "func multi() (int, string) { return 1, \"s\" }\nfunc take(n int, s string) string { return fmt.Sprint(n, s) }\ntake(multi())", out: "[result 1s]"},
			{cell: "func named() (n int, err error) { n = 4; return }\nnamed()", out: "[result 4]"},
			{cell: "func() int { return 3 }()", out: "[result 3]"},
			{cell: "func() { fmt.Print(\"called\") }()", out: "called"},
			{cell: "defer func() { fmt.Print(\"d\") }()\ngo func() {}()", out: "d"},
		}},
		{"several values are shown", []step{
			{cell: "func two() (int, string) { return 1, \"b\" }\ntwo()", out: "[result 1 b]"},
			{cell: "two();"},
		}},
		{"init and main are ordinary names", []step{
			{cell: "func main() { fmt.Println(\"main ran\") }\nmain()", out: "main ran\n"},
			{cell: "main()", out: "main ran\n"},
		}},
		{"clear, min, max, copy, delete, complex", []step{
			{cell: "mm := map[int]int{1: 1}\nclear(mm)\nfmt.Println(len([]int{}), cap(make([]int, 0, 4)))\ndelete(mm, 1)", out: "0 4\n"},
		}},
		{"the last value", []step{
			{cell: "[]string{\"a\"}[0]", out: "[result a]"},
			{cell: "map[string]int{\"z\": 1, \"a\": 2}", out: "[result map[a:2 z:1]]"},
			{cell: "struct{ A int }{5}", out: "[result {5}]"},
			{cell: "[]byte(\"hi\")", out: "[result [104 105]]"},
			{cell: "'a'", out: "[result 97]"},
			{cell: "nil2 := []int(nil)\nnil2", out: "[result []]"},
			{cell: "1 << 3", out: "[result 8]"},
			{cell: "\"a\" + \"b\"", out: "[result ab]"},
			{cell: "*new(int)", out: "[result 0]"},
			{cell: "<-func() chan int { c := make(chan int, 1); c <- 3; return c }()", out: "[result 3]"},
			{cell: "1 == 2", out: "[result false]"},
			{cell: "1e3", out: "[result 1000]"},
			{cell: "2i * 2i", out: "[result (-4+0i)]"},
		}},
	})
}

func TestTextOfACell(t *testing.T) {
	long := ""
	for range 3000 {
		long += "+ 1"
	}
	lines := "total := 0\n"
	for range 2000 {
		lines += "total += 1\n"
	}
	playAll(t, []situation{
		{"unicode identifiers", []step{
			{cell: "größe := 3\nΩ := 4\nω := 5\nπ := math.Pi\n日本 := \"jp\"\nfmt.Println(größe, Ω, ω, 日本)", out: "3 4 5 jp\n"},
			{cell: "größe + Ω + ω + len(日本)", out: "[result 14]"},
			{cell: "type Ωt struct{ ωf, Ωf int }\nfunc (t Ωt) ωm() int { return t.ωf * t.Ωf }\nfunc ωg[T any](v T) T { return v }\nωv := Ωt{2, 3}"},
			{cell: "ωg(ωv).ωm() + ωv.ωf", out: "[result 8]"},
			{cell: "ωcell := 1\nωrun := 2\nωRun := 3\nωunsafe := 4\nωcell + ωrun + ωRun + ωunsafe", out: "[result 10]"},
			{cell: "ωcell + ωrun", out: "[result 3]"},
			{cell: "type é struct{ ü int }\né{5}.ü", out: "[result 5]"},
			{cell: "é{6}.ü", out: "[result 6]"},
		}},
		{"raw strings and comments are left alone", []step{
			{cell: "s := `a\n//line x.go:7:1\n/*line y:3*/ ωold_s Ω ωcell. b`\nlen(strings.Split(s, \"\\n\"))", out: "[result 3]"},
			{cell: "fmt.Print(`\\n` + `x`) // fmt.Print(\")\")", out: "\\nx"},
			{cell: "/* { */ fmt.Print(\"}\") /* ( */", out: "}"},
			{cell: "//line other.go:100\nfmt.Print(1)", out: "1"},
			{cell: "//go:noinline\nfunc noinl() int { return 1 }\nnoinl()", out: "[result 1]"},
			{cell: "// doc\n// of documented\nfunc documented() {} // after\n\n// something else", out: ""},
			{cell: "a := 1 // first\n// between\nb := 2 /* x */ + a\n/* multi\nline */ b", out: "[result 3]"},
		}},
		{"line ends and tabs", []step{
			{cell: "a := 1\r\nb := 2\r\na + b\r\n", out: "[result 3]"},
			{cell: "\ta := `x\r\ny`\n\tlen(a)", out: "[result 3]"},
			{cell: "if true {\r\n\tfmt.Print(1)\r\n}\r\n", out: "1"},
			{cell: "\ufeffa := 4\na", out: "[result 4]"},
		}},
		{"long cells", []step{
			{cell: "1 " + long, out: "[result 3001]"},
			{cell: lines + "total", out: "[result 2000]"},
		}},
		{"statements over several lines", []step{
			{cell: "v := strings.NewReplacer(\n\t\"a\", \"b\",\n).\n\tReplace(\"aXa\")\nv", out: "[result bXb]"},
			{cell: "w := 1 +\n\t2 +\n\t3\nw", out: "[result 6]"},
			{cell: "f := func(\n\tx int,\n) int {\n\treturn x\n}\nf(\n\t5,\n)", out: "[result 5]"},
			{cell: "a, b :=\n\t1,\n\t2\na + b", out: "[result 3]"},
			{cell: "a,\nb := 3, 4\na * b", out: "[result 12]"},
			{cell: "var (\n)\nconst ()\ntype ()\nimport ()"},
		}},
	})
}

func TestPredeclaredNamesCanBeShadowed(t *testing.T) {
	playAll(t, []situation{
		{"predeclared names can be shadowed", []step{
			{cell: "len := 3\nlen", out: "[result 3]"},
			{cell: "len + 1", out: "[result 4]"},
			{cell: "max := func(a, b int) int { return a }\nmax(1, 2)", out: "[result 1]"},
			{cell: "type string2 = string\nvar s string2 = \"q\"\ns", out: "[result q]"},
			{cell: "nil := 5\nnil", out: "[result 5]"},
			{cell: "true := false\nfmt.Println(true)", out: "false\n"},
			{cell: "any := 1\nvar e error\nfmt.Println(any, e)", out: "1 <nil>\n"},
			{cell: "int := \"text\"\nint", out: "[result text]"},
			{cell: "n64 := 3\nn64", out: "[result 3]"},
			{cell: "print := fmt.Sprint\nprint(1)", out: "[result 1]"},
			{cell: "func new(n int8) int8 { return n }\nvar q int8\nnew(4)", out: "[result 4]"},
			{cell: "type error interface{ Foo() }\nstrconv.Atoi(\"5\")", out: "[result 5]"},
			{cell: "zz := strconv.Atoi(\"7\")\nzz", out: "[result 7]"},
		}},
	})
}

func TestConveniencesOfStatements(t *testing.T) {
	playAll(t, []situation{
		{"the error of a call is checked and left out", []step{
			{cell: "func two() (int, error) { return 2, nil }\nfunc three() (int, string, error) { return 2, \"s\", nil }\nfunc bad() (int, error) { return 9, errors.New(\"bad\") }\nv := two()\nv", out: "[result 2]"},
			{cell: "v = 5\nv = two()\nv", out: "[result 2]"},
			{cell: "var w = two()\nvar u int = two()\nw + u", out: "[result 4]"},
			{cell: "q, r := three()\nm := map[string]int{}\nm[\"a\"] = two()\nq, r, m", out: "[result 2 s map[a:2]]"},
			{cell: "v, x := three()\nv, x", out: "[result 2 s]"},
			{cell: "v = bad()\nfmt.Println(\"not reached\")", fails: "error: bad"},
			{cell: "z := bad()", fails: "error: bad"},
			{cell: "v", out: "[result 2]"},
			{cell: "func f() int { n := two(); return n }", fails: "assignment mismatch"},
		}},
		{"several values are shown", []step{
			{cell: "1, \"a\", nil", out: "[result 1 a <nil>]"},
			{cell: "1, 2;"},
			{cell: "1, undefinedName", fails: "undefined: undefinedName"},
		}},
		{"a whole program", []step{
			{cell: "// A comment.\npackage main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"hello\", answer())\n}\n\nfunc answer() int { return 42 }", out: "hello 42\n"},
			{cell: "answer()", out: "[result 42]"},
			{cell: "package main"},
			{cell: "package other", fails: "syntax error"},
		}},
		{"integers of any size are shown", []step{
			{cell: "1 << 70", out: "[result 1180591620717411303424]"},
		}},
		{"all names of a package", []step{
			{cell: "import . \"strings\"\nToUpper(\"a\"), Repeat(\"b\", 2)", out: "[result A bb]"},
			{cell: "func shout(s string) string { var b Builder; b.WriteString(ToUpper(s)); return b.String() }\nshout(\"x\")", out: "[result X]"},
			{cell: "Fields(\" a b \")", out: "[result [a b]]"},
		}},
		{"headers with several statements", []step{
			{cell: "for i := 0; ; i++ {\n\tif i == 3 { fmt.Print(i); break }\n}", out: "3"},
			{cell: "if a := 3; a > 5 { fmt.Print(a) } else if b := 4; b > 3 { fmt.Print(\"b\", b) }", out: "b4"},
			{cell: "switch x := 3; { case x > 2: fmt.Print(\"big\") }", out: "big"},
		}},
		{"a long trace is shortened", []step{
			{cell: "func deep(n int) int { if n == 0 { panic(\"bottom\") }; return deep(n-1) + 1 }\ndeep(500)", fails: "panic: bottom"},
		}},
	})
}
