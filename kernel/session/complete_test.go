package session

import (
	"slices"
	"strings"
	"testing"
)

func TestCompletions(t *testing.T) {
	s, _ := open(t)
	if f := s.Execute("type engine struct{ power int }\nfunc (e *engine) start() {}\ntype car struct{ *engine; Name string }\nmotorway, größe := car{&engine{1}, \"c\"}, 1\nfunc motor(n int) int { return n }", "cell 1"); f != nil {
		t.Fatal(f)
	}
	for _, test := range []struct {
		source string // the cursor stands at |
		want   string // matches that must be among the offered ones
		not    string
	}{
		{"mot|", "motor motorway", ""},
		{"x := mot|orway + 1", "motor motorway", ""},
		{"grö|", "größe", "motor"},
		{"motorway.|", "Name engine power start", "Println"},
		{"motorway.engine.p|", "power", "start Name"},
		{"fmt.Fprint(os.Stdout, motorway.Na|)", "Name", ""},
		{"strings.ToUp|", "ToUpper ToUpperSpecial", "ToLower"},
		{"v := strings.NewReader(\"\")\nv.Re|", "Read ReadByte Reset", "Len"},
		{"func f() {\n\tlocal := car{}\n\tlocal.|\n}", "Name power", ""},
		{"for _, w := range strings.Fields(\"a\") {\n\tw.|", "", "Name"},
		{"loc := 1\nlo|", "loc", ""},
		{"fal|", "false fallthrough", ""},
		{"motorway.nothing.|", "", "Name"},
		{"1 +|", "", ""},
		{"car{|", "Name engine", "func motor"},
		{"car{Name: \"x\", e|}", "engine", "Name"},
		{"[]car{{N|", "Name", ""},
		{"func f() {\n\tlocal := car{}\n\tif local.|", "Name power", ""},
		{"func f() {\n\tlocal := []car{}\n\tfor _, c := range local {\n\t\tc.engine.|", "power start", ""},
		{"strings.NewReader(\"a\").|", "Len Read", ""},
		{"[]car{}[0].|", "Name", ""},
		{"atomic.Pointer[car]{}.|", "Load", ""},
		{"x := &atomic.Pointer[car]{}\nx.Load().|", "Name power", ""},
		{"var all = map[string]car{}\nall[\"a\"].engine.|", "power", ""},
		{"http.StatusT|", "StatusTeapot", ""},
		{"import \"path/f|", "path/filepath", "path"},
		{"import (\n\t\"fmt\"\n\t\"gonum.org/v1/gonum/m|", "gonum.org/v1/gonum/mat", ""},
		{"// mot|", "", "motor"},
		{"\"mot|\"", "", "motor"},
		{"%tim|", "%time %timeit", ""},
		{"func g[T fmt.Stringer](x T) { x.|", "String", ""},
		{"|", "motor func", ""},
		{")(.|", "", ""},
	} {
		at := strings.Index(test.source, "|")
		matches, start, end := s.Completions(strings.Replace(test.source, "|", "", 1), at)
		for _, w := range strings.Fields(test.want) {
			if !slices.Contains(matches, w) {
				t.Errorf("%q: %q is not offered: %q", test.source, w, matches)
			}
		}
		for _, w := range strings.Fields(test.not) {
			if slices.Contains(matches, w) {
				t.Errorf("%q: %q is offered", test.source, w)
			}
		}
		if end != at || start > end {
			t.Errorf("%q: replaces %d:%d", test.source, start, end)
		}
	}
}
