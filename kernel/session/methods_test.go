package session

import "testing"

func TestMethodsMayBeAddedInLaterCells(t *testing.T) {
	playAll(t, []situation{
		{"variables keep their values and have the new methods", []step{
			{cell: "type P struct{ x, y float64 }\ntype Line struct{ a, b P }\np := P{3, 4}\nps := []P{{6, 8}}\npp := &p\nmp := map[P]int{{1, 1}: 5}\nln := Line{P{5, 12}, P{3, 4}}\nfunc scale(q P, k float64) P { return P{q.x * k, q.y * k} }\nfunc (q P) Double() P { return scale(q, 2) }"},
			{cell: "func (p P) Norm() float64 { return math.Hypot(p.x, p.y) }"},
			{cell: "p.Norm(), ps[0].Norm(), pp.Norm(), scale(p, 2).Norm(), p.Double().Norm(), mp[P{1, 1}], ln.a.Norm()", out: "[result 5 10 5 10 10 5 13]"},
		}},
		{"and the statements of the same cell see them", []step{
			{cell: "func (p *P) Grow() { p.x *= 10 }\np.Grow()\nfunc (p P) String() string { return fmt.Sprintf(\"<%g %g>\", p.x, p.y) }\nfmt.Println(p, ps)\np", out: "<30 4> [<6 8>]\n[result <30 4>]"},
			{cell: "p = P{1, 1}\n*pp", out: "[result <1 1>]"},
		}},
		{"a type satisfies an interface once it has the methods", []step{
			{cell: "type Animal interface{ Sound() string }\ntype Dog struct{ name string }\nd := Dog{\"rex\"}\nfunc hear(a Animal) string { return a.Sound() }"},
			{cell: "hear(d)", fails: "missing method Sound"},
			{cell: "func (d Dog) Sound() string { return d.name + \" woof\" }"},
			{cell: "hear(d)", out: "[result rex woof]"},
		}},
		{"a method can be declared anew; what earlier functions call is the new one", []step{
			{cell: "func twice(d Dog) string { return d.Sound() + d.Sound() }"},
			{cell: "func (d Dog) Sound() string { return d.name + \"!\" }"},
			{cell: "twice(d)", out: "[result rex!rex!]"},
			{cell: "fmt.Printf(\"%T\", d)", out: "main.Dog"},
		}},
		{"generic types too", []step{
			{cell: "type Stack[T any] struct{ items []T }\nst := Stack[int]{}"},
			{cell: "func (s *Stack[T]) Push(x T) { s.items = append(s.items, x) }"},
			{cell: "st.Push(3); st.Push(4)"},
			{cell: "func (s *Stack[T]) Len() int { return len(s.items) }"},
			{cell: "st.Len(), st", out: "[result 2 {[3 4]}]"},
		}},
		{"what interfaces hold has the new methods too", []step{
			{cell: "type Sq struct{ side float64; tags []string }\ntype Shape interface{ Area() float64 }\nfunc (q Sq) Area() float64 { return q.side * q.side }\n" +
				"one := Sq{side: 3, tags: []string{\"a\"}}\nvar sh Shape = one\nitems := []any{Sq{side: 1}, &one, []Sq{{side: 2}}, map[string]Sq{\"m\": {side: 4}}, 7, nil, func(Sq) int { return 9 }}\n" +
				"type Tree struct{ left, right *Tree; value any }\ntree := &Tree{&Tree{nil, nil, Sq{side: 5}}, nil, []any{Sq{side: 6}}}\ntree.right = tree\n" +
				"keys := map[any]Shape{Sq2{1}: Sq{side: 7}}\ntype Sq2 struct{ n int }\nboxed := any(struct{ V any }{Sq{side: 8}})\narray := [2]Shape{Sq{side: 9}, &one}\nfun := func() Shape { return sh }"},
			{cell: "func (q Sq) String() string { return fmt.Sprintf(\"Sq<%g>\", q.side) }"},
			{cell: "fmt.Print(sh, sh.Area(), sh.(Sq).side, fun(), items[0].(Sq), items[1].(*Sq).side, items[2].([]Sq)[0], items[3].(map[string]Sq)[\"m\"], items[4:6], items[6].(func(Sq) int)(one))",
				out: "Sq<3> 9 3 Sq<3> Sq<1> 3 Sq<2> Sq<4> [7 <nil>] 9"},
			{cell: "fmt.Print(tree.left.value, tree.value.([]any)[0].(Sq).side, keys[Sq2{1}], boxed.(struct{ V any }).V, array[0], array[1].(*Sq).side)", out: "Sq<5> 6 Sq<7> Sq<8> Sq<9> 3"},
			{cell: "items[1].(*Sq).side = 30; one.side", out: "[result 30]"},
			{cell: "func (q Sq2) Key() int { return q.n }\nfunc (q Sq) Area() float64 { return -1 }"},
			{cell: "for k, v := range keys { fmt.Print(k.(Sq2).Key(), v.Area(), v) }\nfmt.Print(keys[Sq2{1}].Area(), array[1].Area(), sh)", out: "1 -1 Sq<7>-1 -1 Sq<3>"},
		}},
		{"an interface type that mentions the renewed type", []step{
			{cell: "type Item struct{ n int }\ntype Source interface{ Get() Item }\nfunc (i Item) Get() Item { return i }\nvar src Source = Item{4}\nsources := map[string]Source{\"a\": Item{5}}"},
			{cell: "func (i Item) Twice() int { return 2 * i.n }"},
			{cell: "src.Get().Twice(), sources[\"a\"].Get().Twice(), src.(Item).Twice()", out: "[result 8 10 8]"},
		}},
		{"what Go forbids is an error, and changes nothing", []step{
			{cell: "func (x int) Bad() {}", fails: "cannot define new methods on non-local type int"},
			{cell: "func (d Dog) name() string { return \"\" }", fails: "field and method with the same name name"},
			{cell: "hear(d)", out: "[result rex!]"},
		}},
		{"a type whose declaration means something else by now", []step{
			{cell: "type inner struct{ n int }\ntype outer struct{ in inner }\nvar o outer"},
			{cell: "type inner string"},
			{cell: "func (o outer) N() int { return o.in.n }", fails: "because inner, which its declaration uses, means something else now"},
		}},
	})
}
