package session

import "testing"

func TestImports(t *testing.T) {
	playAll(t, []situation{
		{"forms", []step{
			{cell: "import (\n\tstr \"strings\"\n\t\"math/rand/v2\" // comment\n\t_ \"image/png\"\n)\nstr.ToUpper(\"a\")", out: "[result A]"},
			{cell: "str.ToLower(\"B\")", out: "[result b]"},
			{cell: "rand.N(1)", out: "[result 0]"},
			{cell: "import \"math/rand/v2\"\nrand.N(1)", out: "[result 0]"},
			{cell: "import \"unused/../bad\"", fails: "compile error"},
			{cell: "import \"does/not/exist\"", fails: "compile error"},
			{cell: "import \"strings\"; import \"strings\"\nstrings.ToUpper(\"b\")", out: "[result B]"},
		}},
		{"a variable of a package's name", []step{
			{cell: "strings := strings.Fields(\"a b\")\nlen(strings)", out: "[result 2]"},
			{cell: "strings[1]", out: "[result b]"},
			{cell: "import \"strings\"\nstrings.ToUpper(\"c\")", out: "[result C]"},
			{cell: "import \"bytes\"\nbytes := bytes.NewBufferString(\"x\")\nbytes.String()", out: "[result x]"},
			{cell: "bytes.Len()", out: "[result 1]"},
			{cell: "sort := 3\nfunc f() int { return sort }\nf()", out: "[result 3]"},
			{cell: "for _, time := range []int{1} { fmt.Print(time) }", out: "1"},
			{cell: "func g(os string) string { return os }\ng(\"linux\")", out: "[result linux]"},
			{cell: "path := \"x\"\npath", out: "[result x]"},
		}},
		{"packages that share a name", []step{
			{cell: "template.HTMLEscapeString(\"<\") != \"\"", out: "[result true]"},
			{cell: "var tmpl template.HTML = \"<b>\"\ntmpl", out: "[result <b>]"},
			{cell: "b := make([]byte, 4)\nn := rand.Read(b)\nn", fails: "undefined: rand.Read"},
		}},
		{"rarer packages of the standard library and gonum", []step{
			{cell: "b := pem.EncodeToMemory(&pem.Block{Type: \"T\"})\nlen(b) > 0, plotutil.Color(1) != nil, quad.Legendre{} == quad.Legendre{}", out: "[result true true true]"},
			{cell: "nosuchpackage.F()", fails: "undefined: nosuchpackage"},
		}},
		{"types of packages", []step{
			{cell: "var wg sync.WaitGroup"},
			{cell: "wg.Add(1)\nwg.Done()\nwg.Wait()"},
			{cell: "var d time.Duration = 3 * time.Second\nvar when time.Time\nd", out: "[result 3s]"},
			{cell: "type handler func(http.ResponseWriter, *http.Request)\nvar h handler\nh == nil", out: "[result true]"},
			{cell: "var buf bytes2.Buffer", fails: "undefined: bytes2"},
			{cell: "var c chan<- time.Time\nvar m map[netip.Addr][]io.Reader\nlen(m)", out: "[result 0]"},
			{cell: "m == nil && c == nil", out: "[result true]"},
		}},
	})
}
