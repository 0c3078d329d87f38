package session

import "testing"

func TestVariablesAreSetInTheOrderInWhichTheyNeedEachOther(t *testing.T) {
	playAll(t, []situation{
		{"var declarations, as in a Go file", []step{
			{cell: "var a = b + 1\nvar b = f()\nfunc f() int { return 4 }\na", out: "[result 5]"},
			{cell: "var a = b + 1\nvar b = 10\na", out: "[result 11]"},
			{cell: "var first = next()\nvar count int\nfunc next() int { count++; return count }\nfmt.Println(first, count)\nnext()", out: "1 1\n[result 2]"},
			{cell: "var (\n\tx = y * 2\n\ty = z * 2\n\tz = 3\n)\nfmt.Println(x, y, z)", out: "12 6 3\n"},
			{cell: "type T struct{}\nfunc (T) M() int { return table[1] }\nvar m = T{}.M()\nvar table = []int{7, 8}\nm", out: "[result 8]"},
			{cell: "var p, q = both()\nfunc both() (int, string) { return base, \"s\" }\nvar base = 2\nfmt.Println(p, q)", out: "2 s\n"},
		}},
		{"what := declares is not moved", []step{
			{cell: "s := 1"},
			{cell: "var t = s + 1\ns := 10\nfmt.Println(t, s)", out: "2 10\n"},
			{cell: "var t = s + 1\nfmt.Println(t)\nvar t2 = t * 2\nt2", out: "11\n[result 22]"},
		}},
	})
}

func TestANameMayBeDeclaredAgainInTheSameCell(t *testing.T) {
	playAll(t, []situation{
		{"with another type", []step{
			{cell: "x := 1\nfmt.Println(x)\nx := \"now text\"\nx", out: "1\n[result now text]"},
			{cell: "x := 1; x := 2.5; x := []int{3}; x", out: "[result [3]]"},
			{cell: "len(x)", out: "[result 1]"},
			{cell: "var v = 1\nvar v = \"again\"\nv", out: "[result again]"},
			{cell: "y := 2\ny * 3\ny := fmt.Sprint(y, \"!\")\ny", out: "[result 2!]"},
		}},
		{"a mistake below changes nothing", []step{
			{cell: "n := 1"},
			{cell: "n := 2\nn := \"s\"\nundefinedName", fails: "cannot use"},
			{cell: "n", out: "[result 1]"},
			{cell: "n := 2\nn = \"s\"", fails: "cannot use \"s\""},
			{cell: "n", out: "[result 1]"},
		}},
	})
}
