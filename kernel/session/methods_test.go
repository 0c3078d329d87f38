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
