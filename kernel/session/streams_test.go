package session

import "testing"

func TestOutputsKeepTheirOrder(t *testing.T) {
	playAll(t, []situation{
		{"standard output and standard error by turns", []step{
			{cell: "fmt.Println(1)\nfmt.Fprintln(os.Stderr, 2)\nfmt.Println(3)\nprintln(4)\nfmt.Print(5, \"\\n\")\nlog.SetFlags(0)\nlog.Println(6)\nfmt.Fprint(os.Stdout, 7)\nos.Stderr.WriteString(\"8\");",
				out: "1\n!2\n3\n!4\n5\n!6\n7!8"},
			{cell: "for i := range 20 {\n\tif i%2 == 0 {\n\t\tfmt.Print(i)\n\t} else {\n\t\tprint(i)\n\t}\n}",
				out: "0!12!34!56!78!910!1112!1314!1516!1718!19"},
			{cell: "func warn(s string) { fmt.Fprint(os.Stderr, s) }"},
			{cell: "fmt.Print(\"a\")\nwarn(\"b\")\nfmt.Print(\"c\")\nfunc() { defer fmt.Print(\"f\"); warn(\"d\"); fmt.Print(\"e\") }()", out: "a!bc!def"},
			{cell: "switch { case true: print(\"x\"); fmt.Print(\"y\") }\nselect { default: print(\"z\") }\nL: print(\"w\"); if false { goto L }\nfmt.Print(\"v\")", out: "!xy!zwv"},
		}},
	})
}
