package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestInspect(t *testing.T) {
	s, _ := open(t)
	for i, cell := range []string{
		"// point is a place.\ntype point struct {\n\t// x goes right.\n\tx int\n\ty int // y goes up\n}\n// norm measures.\nfunc (p *point) norm() int { return p.x }",
		"p := point{3, 4}\nage := 41\nname := \"Ada\"\nlong := make([]int, 1000)\nvar b strings.Builder",
		"// double doubles n.\nfunc double(n int) int {\n\treturn 2 * n\n}\n// limit is the most.\nconst limit = 7",
		"func apply[T any](x T, f func(T) T) T { return f(x) }",
	} {
		if f := s.Execute(cell, fmt.Sprintf("cell %d", i)); f != nil {
			t.Fatal(f)
		}
	}
	for _, test := range []struct {
		source string // the cursor stands at |
		want   string // parts of the answer, with semicolons between; empty: nothing is found
	}{
		{"fm|t.Println(1)", "package fmt // import \"fmt\";formatted I/O"},
		{"str|ings", "package strings"},
		{"import \"path/file|path\"", "package filepath // import \"path/filepath\""},
		{"fmt.Print|ln(1)", "func fmt.Println(a ...any) (n int, err error);Println formats using"},
		{"fmt.Println(|", "func fmt.Println;default formats"},
		{"fmt.Println(1, |)", "func fmt.Println"},
		{"fmt.Println(\"a b|\")", "func fmt.Println"},
		{"fmt.Println(double(|", "double doubles n"},
		{"strings.Buil|der", "type Builder struct;contains filtered or unexported fields;Builder is used to;WriteString(s string)"},
		{"b.WriteStr|ing(\"\")", "WriteString(s string) (int, error);appends the contents of s"},
		{"var c strings.Builder\nc.WriteString|", "appends the contents of s"},
		{"math.P|i", "const math.Pi;3.14"},
		{"os.Arg|s", "var os.Args []string;command-line arguments"},
		{"http.Client{Time|out: 1}", "field Timeout time.Duration;time limit"},
		{"mat.NewDen|se", "func mat.NewDense;NewDense creates"},
		{"p|", "var p point;type point struct"},
		{"p.x|", "field x int;x goes right"},
		{"p.y|", "field y int;y goes up"},
		{"p.no|rm()", "norm() int;norm measures"},
		{"ag|e + 1", "var age int;value: 41"},
		{"name|", "var name string;value: \"Ada\""},
		{"long|", "var long []int;value: length 1000"},
		{"|double(2)", "func double(n int) int;double doubles n"},
		{"double |", "double doubles n"},
		{"limit|", "const limit;limit is the most"},
		{"poi|nt{}", "type point struct;point is a place;norm() int"},
		{"apply[int](|", "func apply[T any]"},
		{"// fresh is new.\nfunc fresh() {}\nfres|h()", "func fresh();fresh is new"},
		{"func f() {\n\tlocal := p\n\tloc|al.x = 1\n}", "var local point"},
		{"func f() {\n\tlocal := p\n\tfor {\n\t\tlocal.no|rm(", "norm measures"},
		{"le|n(p)", "func len(v Type) int;length of v"},
		{"append(|", "func append;appends elements"},
		{"var e err|or", "type error interface;conventional interface"},
		{"%ti|me 1", "%time STATEMENT"},
		{"%time dou|ble(2)", "double doubles n"},
		{"dou|ble?", "double doubles n"},
		{"nothing|", ""},
		{"1 + 2|", ""},
		{"// fmt.Prin|tln", ""},
		{"\"fmt|\"", ""},
		{"!ls dou|ble", ""},
		{"|", ""},
		{")(.|", ""},
		{"größe := 1\ngrö|ße", "var größe int"},
	} {
		at := strings.Index(test.source, "|")
		data, found := s.Inspect(strings.Replace(test.source, "|", "", 1), at, 0)
		if found != (test.want != "") || found != (len(data) > 0) {
			t.Errorf("%q: found is %v: %v", test.source, found, data["text/plain"])
			continue
		}
		for part := range strings.SplitSeq(test.want, ";") {
			if found && !strings.Contains(fmt.Sprint(data["text/plain"]), part) {
				t.Errorf("%q: %q is missing in %q", test.source, part, data["text/plain"])
			}
		}
	}
	for source, want := range map[string]string{"double": "return 2 * n", "fmt.Println": "Fprintln(os.Stdout"} {
		data, _ := s.Inspect(source, len(source), 1)
		if !strings.Contains(fmt.Sprint(data["text/markdown"]), want) {
			t.Errorf("%s: the source is missing: %v", source, data)
		}
	}
	begun := time.Now()
	s.Inspect("fmt.Println", 5, 0)
	t.Logf("warm: %v", time.Since(begun))
}
