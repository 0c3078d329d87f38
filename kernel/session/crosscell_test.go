package session

import "testing"

// The runtime makes tables of methods for what an assertion puts into an interface; a later cell brings a compiled one.
func TestInterfacesFilledAtRunTimeHoldTheSameInLaterCells(t *testing.T) {
	playAll(t, []situation{
		{"assertions, switches, comparisons and maps", []step{
			{cell: "type Sq struct{ s float64 }\nfunc (q Sq) Area() float64 { return q.s }\ntype Shape interface{ Area() float64 }\nvar a any = Sq{3}\nsh := a.(Shape)\nby := map[Shape]int{sh: 1}"},
			{cell: "sh.(Sq).s, sh == Shape(Sq{3}), by[Sq{3}]", out: "[result 3 true 1]"},
			{cell: "switch v := sh.(type) { case Sq: fmt.Print(\"Sq \", v.s); default: fmt.Print(\"other\") }", out: "Sq 3"},
			{cell: "switch Shape(Sq{3}) { case sh: fmt.Print(\"same\") }", out: "same"},
			{cell: "_, ok := sh.(interface{ Area() float64; Girth() float64 })\nok", out: "[result false]"},
		}},
		{"errors that were printed before they were errors", []step{
			{cell: "type Lost struct{ at int }\nfunc (l *Lost) Error() string { return fmt.Sprint(\"lost at \", l.at) }\nl := &Lost{4}\nfmt.Print(l)", out: "lost at 4"},
			{cell: "first := any(l).(error)\nfunc find() error { return l }\nerrors.Is(find(), first), find() == first", out: "[result true true]"},
			{cell: "first.(*Lost).at, errors.Is(first, l)", out: "[result 4 true]"},
			{cell: "switch e := first.(type) { case nil: print(0); case *Lost: fmt.Print(e.at) }", out: "4"},
		}},
	})
}

func TestItIsSaidWhenFunctionsKeepWhatANameStoodFor(t *testing.T) {
	playAll(t, []situation{
		{"variables and functions", []step{
			{cell: "n := 1\nother := 2\nfunc get() int { return n }\ntype T struct{}\nfunc (T) Get() int { return n + other }"},
			{cell: "n := 5\nget()", out: "[result 5]"},
			{cell: "n := \"text\"\nget()", out: "!note: T.Get, get still use the earlier n (int); run its cell again to change that\n[result 5]"},
			{cell: "n := 2.5"}, // nothing uses the text
			{cell: "func get(scale int) int { return scale }\nfunc half() int { return get(4) / 2 }\nhalf()", out: "[result 2]"},
			{cell: "func get() float64 { return n }\nhalf(), get()", out: "!note: half still uses the earlier get (func(scale int) int); run its cell again to change that\n[result 2 2.5]"},
			{cell: "func half() float64 { return get() / 2 }\nhalf()", out: "[result 1.25]"},
			{cell: "type n int", out: ""},
			{cell: "func local(get int) int { half := get; return half }\ntype U struct{}\nfunc (U) Half(half int) int { return half }"},
			{cell: "const Max = 3\nfunc lim() bool { return 5 > Max }\nlim()", out: "[result true]"},
			{cell: "const Max = 3"},
			{cell: "const Max = 10\nlim()", out: "!note: lim still uses the earlier Max (3); run its cell again to change that\n[result true]"},
			{cell: "half := 5\nget := \"b\"\nlocal(1)", out: "[result 1]"}, // theirs are their own
		}},
	})
}

func TestClosuresOfTheSameCellCallTheNewFunction(t *testing.T) {
	playAll(t, []situation{
		{"in variables and elsewhere", []step{
			{cell: "func f() int { return 1 }\nh := func() int { return f() * 10 }\nvar list = []func() int{func() int { return f() }}\nnow := f()\nh(), list[0](), now", out: "[result 10 1 1]"},
			{cell: "func f() int { return 2 }\nh(), list[0](), now", out: "[result 20 2 1]"},
		}},
	})
}

func TestTypeArgumentsAreCalledAsInAProgramOfOnePackage(t *testing.T) {
	playAll(t, []situation{
		{"in names, across cells", []step{
			{cell: "type Ci struct{ R float64 }\ntype Gen[T any] struct{ V T }\ntype Two[A, B any] struct { a A; b B }\nfunc (g Gen[T]) Get() T { return g.V }"},
			{cell: "fmt.Printf(\"%T %T %T %#v\", Gen[Ci]{}, &Gen[*Ci]{}, Gen[Gen[Ci]]{}, Two[Ci, int]{})", out: "main.Gen[main.Ci] *main.Gen[*main.Ci] main.Gen[main.Gen[main.Ci]] main.Two[main.Ci,int]{a:main.Ci{R:0}, b:0}"},
			{cell: "var long map[string]Two[Two[Two[Ci, Gen[Ci]], Gen[Ci]], Two[Gen[Ci], Gen[Ci]]]\nfmt.Printf(\"%T\", long)",
				out: "map[string]main.Two[main.Two[main.Two[main.Ci,main.Gen[main.Ci]],main.Gen[main.Ci]],main.Two[main.Gen[main.Ci],main.Gen[main.Ci]]]"},
			{cell: "var p atomic.Pointer[Ci]\nfmt.Printf(\"%T \", &p)\nvar a any = Gen[Ci]{Ci{2}}\n_, ok := a.(Gen[Ci])\nfmt.Print(ok, \" \", reflect.TypeOf(a).Name())", out: "*atomic.Pointer[main.Ci] true Gen[main.Ci]"},
			{cell: "a.(Gen[Ci]).Get().R, reflect.TypeOf([]Gen[Ci]{}) == reflect.SliceOf(reflect.TypeOf(a))", out: "[result 2 true]"},
			{cell: "a.(int)", fails: "interface {} is main.Gen[main.Ci], not int"},
			{cell: "type Ci struct{ R, S int }\nfmt.Printf(\"%T\", Gen[Ci]{})\n_, ok = a.(Gen[Ci])\nok", out: "main.Gen[main.Ci][result false]"},
		}},
	})
}

func TestTypesDefinedAsAnEarlierCellsType(t *testing.T) {
	playAll(t, []situation{
		{"aliases and defined types", []step{
			{cell: "type T struct{ N int }\nfunc (t T) Double() int { return 2 * t.N }\ntype Q int\ntype I interface{ Double() int }\ntype F func(int) int\ntype G[X any] struct{ V X }"},
			{cell: "type T2 = T"},
			{cell: "type T4 T\nT4{3}.N, T2{4}.Double()", out: "[result 3 8]"},
			{cell: "type R Q\nfunc (r R) M() int { return int(r) + 1 }\nR(3).M()", out: "[result 4]"},
			{cell: "type K I\ntype H F\ntype J = I\nvar k K = T{5}\nvar j J = k\nvar h H = func(n int) int { return n * n }\nk.Double(), j.Double(), h(3)", out: "[result 10 10 9]"},
			{cell: "type GI = G[int]\ntype GS G[string]\nGI{1}.V, GS{\"a\"}.V", out: "[result 1 a]"},
			{cell: "type T5 = T2\nT5{3}.Double()", out: "[result 6]"},
			{cell: "func (t T5) Triple() int { return 3 * t.N }"},
			{cell: "T{2}.Triple(), T2{3}.Triple()", out: "[result 6 9]"},
			{cell: "type A B\ntype B struct{ next *A }\ntype C = A\nvar c C\nc.next == nil", out: "[result true]"},
			{cell: "type Loop Loop2\ntype Loop2 Loop", fails: "invalid recursive type"},
			{cell: "type T T\nT{}", fails: "invalid recursive type"},
			{cell: "fmt.Printf(\"%T %T %T\", T2{}, T4{}, R(1))", out: "main.T main.T4 main.R"},
		}},
	})
}

func TestVariablesOfTypesThatPackagesDoNotExport(t *testing.T) {
	playAll(t, []situation{
		{"declared, used and passed on in later cells", []step{
			{cell: "order := binary.LittleEndian\nn := order.Uint16([]byte{1, 2})\nn", out: "[result 513]"},
			{cell: "order.Uint16([]byte{3, 0}), order", out: "[result 3 LittleEndian]"},
			{cell: "func read(b []byte) uint32 { return order.Uint32(b) }\nread([]byte{1, 0, 0, 0})", out: "[result 1]"},
			{cell: "same := order\nvar both, count = order, 2\nvar bo binary.ByteOrder = same\nfmt.Print(bo == order, both, count)", out: "true LittleEndian 2"},
			{cell: "order := binary.BigEndian\nread([]byte{1, 0, 0, 0}), order.Uint16([]byte{1, 2}), same.Uint16([]byte{1, 2})", out: "!note: read still uses the earlier order (binary.littleEndian); run its cell again to change that\n[result 1 258 513]"},
			{cell: "order := order\nfmt.Printf(\"%v %T\", order, order)", out: "BigEndian binary.bigEndian"},
			{cell: "order = binary.BigEndian\np := &order\np.String()", fails: "a session variable or function cannot have the type *encoding/binary.bigEndian"},
			{cell: "order", out: "[result BigEndian]"},
			{cell: "func() string { q := &order; return q.String() }()", out: "[result BigEndian]"},
		}},
	})
}

func TestUnexportedNamesOfEarlierCells(t *testing.T) {
	playAll(t, []situation{
		{"fields", []step{
			{cell: "type inner struct{ a, b int }\ntype outer struct {\n\tin inner\n\tptr *inner\n\tlist []inner\n\tarr [2]inner\n\tm map[string]inner\n\tf func(int) int\n\tch chan inner\n\tName string `json:\"name\"`\n}"},
			{cell: "o := outer{in: inner{1, 2}, ptr: &inner{a: 3}, list: []inner{{4, 5}, {b: 6}}, m: map[string]inner{\"k\": {7, 8}}, Name: \"n\"}\no.in.a + o.ptr.a + o.list[1].b + o.m[\"k\"].b", out: "[result 18]"},
			{cell: "o.in.a++\no.in.b += 10\no.ptr.b, o.arr[1].a = 20, 30\no.list[0].a--\nfmt.Println(o.in, *o.ptr, o.arr, o.list)", out: "{2 12} {3 20} [{0 0} {30 0}] [{3 5} {0 6}]\n"},
			{cell: "p := &o.in.a\n*p = 99\npp := &o\npp.in.b = pp.in.a\no.in", out: "[result {99 99}]"},
			{cell: "for i := range o.list { o.list[i].a = i }\nfor _, e := range o.list { fmt.Print(e.a, e.b, \" \") }", out: "0 5 1 6 "},
			{cell: "o.f = func(n int) int { return n + o.in.a }\no.f(1)", out: "[result 100]"},
			{cell: "o.ch = make(chan inner, 1)\no.ch <- inner{1, 1}\n(<-o.ch).a", out: "[result 1]"},
			{cell: "o.in == inner{99, 99}", out: "[result true]"},
			{cell: "for o.in.a = 0; o.in.a < 3; o.in.a++ { fmt.Print(o.in.a) }", out: "012"},
			{cell: "for o.in.a, o.in.b = range []int{7, 8} {}\nfmt.Print(o.in)", out: "{1 8}"},
			{cell: "func mk() outer { return outer{in: inner{5, 6}} }\nmk().in.b", out: "[result 6]"},
			{cell: "mk().in.a + (outer{ptr: &inner{1, 2}}).ptr.b", out: "[result 7]"},
			{cell: "var anon struct { inner; *outer }\nanon.outer = &o\nanon.a = 4\nfmt.Print(anon.inner.a, anon.in.b, anon.outer.Name)", out: "4 8n"},
			{cell: "ptrs := map[string]*inner{\"x\": {1, 2}}\nptrs[\"x\"].a += 5\nptrs[\"x\"].a", out: "[result 6]"},
			{cell: "nested := [][]inner{{{1, 2}}, {{3, 4}, {5, 6}}}\nnested[1][1].b", out: "[result 6]"},
			{cell: "nmap := map[inner]string{{1, 2}: \"k\"}\nnmap[inner{1, 2}]", out: "[result k]"},
			{cell: "pptr := &pp\n(*pptr).in.a + (**pptr).in.a", out: "[result 2]"},
			{cell: "unsafe.Offsetof(o.ptr)", out: "[result 16]"},
			{cell: "s := struct{ inner }{inner{3, 4}}\ns.inner.b + s.b", out: "[result 8]"},
			{cell: "type deep struct{ *outer }\nd := deep{&o}\nd.in.b = 77\no.in.b", out: "[result 77]"},
			{cell: "d.in.b += d.outer.in.b\nd.ptr.a = d.list[0].b\nd.ptr.a", out: "[result 5]"},
			{cell: "b, err := json.Marshal(o.in)\nstring(b)", out: "[result {}]"},
			{cell: "keyed := [...]inner{2: {a: 1}, 0: {b: 5}}\nkeyed[2].a + keyed[0].b", out: "[result 6]"},
		}},
		{"exported names", []step{
			{cell: "Total, Rate := 1, 0.5\nfunc Twice(n int) int { return 2 * n }\ntype Box struct{ Size int; inside string }\nconst Limit = 9\nfunc Generic[T any](t T) T { return t }\nvar B = Box{1, \"x\"}"},
			{cell: "Total++\nRate *= 2\nB.Size, B.inside = Twice(Total), \"y\"\nfmt.Print(Total, Rate, B, Limit, Generic(3))", out: "2 1 {4 y} 9 3"},
			{cell: "Total := Total + 1\nvar Rate = Rate / 4\np := &Total\n*p += 10\nfmt.Print(Total, Rate)", out: "13 0.25"},
			{cell: "Total := \"text\"\nfunc ReadTotal() string { return Total }\nReadTotal()", out: "[result text]"},
			{cell: "type Embeds struct { Box; N int }\no := Embeds{Box{1, \"z\"}, 2}\no.Box.inside + o.inside", out: "[result zz]"},
			{cell: "v := struct{ Box; n int }{o.Box, 3}\nv.n", out: "[result 3]"},
			{cell: "v.n++\nfmt.Print(v.n, v.inside, v.Box.Size)", out: "4z1"},
		}},
		{"struct types without a name", []step{
			{cell: "tests := []struct{ name string; want int }{{\"a\", 1}, {\"b\", 2}}\nfor _, tt := range tests { fmt.Print(tt.name, tt.want) }", out: "a1b2"},
			{cell: "for _, tt := range tests { fmt.Print(tt.name, tt.want) }\ntests = append(tests, struct{ name string; want int }{\"c\", 3})\nlen(tests)", out: "a1b2[result 3]"},
			{cell: "var a any = struct{ name string; want int }{\"a\", 1}\na == any(tests[0])", out: "[result true]"},
			{cell: "v, ok := a.(struct{ name string; want int })\nfmt.Print(v.want, ok)", out: "1 true"},
			{cell: "func takes(s struct{ name string; want int }) int { return s.want }\ntakes(v) + takes(tests[1])", out: "[result 3]"},
			{cell: "takes(struct{ name string; want int }{want: 5}) + takes(tests[2])", out: "[result 8]"},
			{cell: "type row struct{ name string; want int }\nr := row(v)\nr.want", out: "[result 1]"},
			{cell: "pr := (*row)(&v)\npr.want = 8\nback := struct{ name string; want int }(r)\nfmt.Print(v.want, back.want)", out: "8 1"},
			{cell: "set := map[struct{ x, y int }]bool{{1, 2}: true}\nset[struct{ x, y int }{1, 2}]", out: "[result true]"},
			{cell: "set[struct{ x, y int }{1, 2}]", out: "[result true]"},
			{cell: "var s interface{ hidden() int }\ntype hid struct{}\nfunc (hid) hidden() int { return 6 }\ns = hid{}"},
			{cell: "s.hidden()", out: "[result 6]"},
			{cell: "cfg := struct { lr float64; layers []int; opt struct{ name string } }{lr: 0.1}\ncfg.opt.name = \"adam\""},
			{cell: "cfg.layers = append(cfg.layers, 3)\ncfg.opt.name += \"!\"\nfmt.Printf(\"%+v\", cfg)", out: "{lr:0.1 layers:[3] opt:{name:adam!}}"},
		}},
		{"methods", []step{
			{cell: "type acc struct{ n int }\nfunc (a *acc) add(d int) *acc { a.n += d; return a }\nfunc (a acc) get() int { return a.n }"},
			{cell: "var a acc\na.add(1).add(2)\na.get()", out: "[result 3]"},
			{cell: "f := a.add\nf(10)\ng := (*acc).add\ng(&a, 100)\nh := acc.get\nh(a)", out: "[result 113]"},
			{cell: "type wrap struct{ *acc }\nw := wrap{&a}\nw.add(1)\nw.get()", out: "[result 114]"},
			{cell: "type getter interface{ get() int }\nvar gt getter = w\ngt.get()", out: "[result 114]"},
			{cell: "type both interface { getter; add(int) *acc }\nvar bt both = &a\nbt.add(1).get()", out: "[result 115]"},
			{cell: "_, ok := gt.(both)\nok", out: "[result true]"},
			{cell: "type impl struct{}\nfunc (impl) get() int { return -1 }\ngt = impl{}\ngt.get()", out: "[result -1]"},
			{cell: "m := getter.get\nm(impl{})", out: "[result -1]"},
			{cell: "func show(g getter) string { return fmt.Sprintf(\"%T=%d\", g, g.get()) }\nshow(impl{}) + show(acc{4})", out: "[result main.impl=-1main.acc=4]"},
			{cell: "func generic[G getter](g G) int { return g.get() }\ngeneric(acc{5})", out: "[result 5]"},
			{cell: "generic(impl{}) + generic[getter](acc{6})", out: "[result 5]"},
			{cell: "defer a.add(1)\ngo a.get()\nfns := []func() int{a.get, impl{}.get}\nfns[0]() + fns[1]()", out: "[result 114]"},
		}},
		{"generic types", []step{
			{cell: "type ordered interface{ ~int | ~float64 | ~string }\ntype tree[K ordered, V any] struct {\n\tleft, right *tree[K, V]\n\tkey K\n\tval V\n}\nfunc (t *tree[K, V]) put(k K, v V) *tree[K, V] {\n\tif t == nil { return &tree[K, V]{key: k, val: v} }\n\tif k < t.key { t.left = t.left.put(k, v) } else { t.right = t.right.put(k, v) }\n\treturn t\n}\nfunc (t *tree[K, V]) walk(f func(K, V)) { if t != nil { t.left.walk(f); f(t.key, t.val); t.right.walk(f) } }"},
			{cell: "var tr *tree[string, int]\nfor i, k := range []string{\"m\", \"a\", \"z\"} { tr = tr.put(k, i) }\ntr.walk(func(k string, v int) { fmt.Print(k, v) })", out: "a1m0z2"},
			{cell: "tr.key + tr.left.key", out: "[result ma]"},
			{cell: "tr.val = 40\ntr.left.val += 5\nfmt.Print(tr.val, tr.left.val)", out: "40 6"},
			{cell: "t2 := &tree[int, string]{key: 1, val: \"v\", left: &tree[int, string]{key: 0}}\nt2.left.key++\nt2.left.key", out: "[result 1]"},
			{cell: "func depth[K ordered, V any](t *tree[K, V]) int { if t == nil { return 0 }; return 1 + max(depth(t.left), depth(t.right)) }\ndepth(tr)", out: "[result 2]"},
			{cell: "type set[T comparable] map[T]struct{}\nfunc (s set[T]) add(v T) { s[v] = struct{}{} }\ns := set[int]{}\ns.add(3); s.add(3)\nlen(s)", out: "[result 1]"},
			{cell: "s.add(4)\nss := set[string]{\"a\": {}}\nfmt.Print(len(s), len(ss))", out: "2 1"},
			{cell: "func keysOf[M ~map[K]V, K comparable, V any](m M) int { return len(m) }\nkeysOf(s)", out: "[result 2]"},
			{cell: "type vec[T any] []T\ntype opt[T any] func(*T)\nfunc with[T any](o ...opt[T]) (t T) { for _, f := range o { f(&t) }; return }"},
			{cell: "with(func(n *int) { *n = 4 })", out: "[result 4]"},
			{cell: "type node[T any] struct { v T; next *node[T] }\nfunc list[T any](vs ...T) (n *node[T]) { for _, v := range slices.Backward(vs) { n = &node[T]{v, n} }; return }"},
			{cell: "list(1, 2, 3).next.next.v", out: "[result 3]"},
			{cell: "inst := list[float64]\nfmt.Printf(\"%T\", inst(1).v)", out: "float64"},
			{cell: "type pairOf[A, B any] struct { first A; second B }\nfunc mkPair[A, B any](a A, b B) pairOf[A, B] { return pairOf[A, B]{a, b} }\ntype intPair = pairOf[int, int]"},
			{cell: "q := mkPair(1, \"x\")\nip := intPair{1, 2}\nip.second + q.first + len(q.second)", out: "[result 4]"},
			{cell: "type num interface{ ~int | ~int64 | ~float64 }\nfunc addAll[T num](ts ...T) (s T) { for _, t := range ts { s += t }; return s }"},
			{cell: "type cm float64\naddAll(cm(1), cm(2)) + cm(addAll(1, 2))", out: "[result 6]"},
			{cell: "type container[T any] interface { put(T); take() T }\ntype box[T any] struct{ v T }\nfunc (b *box[T]) put(v T) { b.v = v }\nfunc (b *box[T]) take() T { return b.v }"},
			{cell: "var ct container[int] = &box[int]{}\nct.put(4)\nct.take()", out: "[result 4]"},
			{cell: "type ptrTo[T any] interface { *T; put(int) }\nfunc build[T any, P ptrTo[T]]() T { var t T; P(&t).put(3); return t }\nbuild[box[int]]().v", out: "[result 3]"},
			{cell: "build[box[int]]().v + 1", out: "[result 4]"},
		}},
		{"embedding", []step{
			{cell: "type logger interface{ logf(string) string }\ntype base struct{ id int }\nfunc (b base) logf(s string) string { return fmt.Sprint(b.id, s) }"},
			{cell: "type service struct { base; logger; extra int }\nsv := service{base: base{1}, logger: base{2}, extra: 3}\nsv.id + sv.extra", out: "[result 4]"},
			{cell: "sv.base.logf(\"x\") + sv.logger.logf(\"y\")", out: "[result 1x2y]"},
			{cell: "type derived struct{ base }\nd := derived{base{7}}\nvar l logger = d\nl.logf(\"!\")", out: "[result 7!]"},
			{cell: "d.id = 8\nd.base.id++\nd.logf(\"?\")", out: "[result 9?]"},
			{cell: "d == derived{base{9}}", out: "[result true]"},
			{cell: "type e2 struct{ derived }\ne2{d}.id", out: "[result 9]"},
		}},
		{"types declared in functions", []step{
			{cell: "func hidden() any { type local struct{ n int }; return local{3} }\nhidden()", out: "[result {3}]"},
			{cell: "fmt.Printf(\"%T\", hidden())", out: "main.local"},
		}},
		{"redefined types", []step{
			{cell: "type ver struct{ a int }\nfunc (v ver) describe() string { return \"v1\" }\nold := ver{1}\nfunc useVer(v ver) int { return v.a }"},
			{cell: "type ver struct{ a, b int }\nnw := ver{1, 2}\nfmt.Print(nw.b, old.a, useVer(old), old.describe())", out: "2 1 1v1"},
			{cell: "old.describe() + fmt.Sprint(old.a)", out: "[result v11]"},
			{cell: "useVer(nw)", fails: "compile error: cannot use nw"},
			{cell: "old := ver{5, 6}\nold.b", out: "[result 6]"},
		}},
	})
}

func TestRedefinitionOfNames(t *testing.T) {
	playAll(t, []situation{
		{"every kind of name can become every other", []step{
			{cell: "thing := 1\nthing", out: "[result 1]"},
			{cell: "func thing() int { return 2 }\nthing()", out: "[result 2]"},
			{cell: "type thing int\nthing(3)", out: "[result 3]"},
			{cell: "const thing = 4\nthing", out: "[result 4]"},
			{cell: "var thing = \"5\"\nthing", out: "[result 5]"},
			{cell: "func thing[T any](t T) T { return t }\nthing(6)", out: "[result 6]"},
			{cell: "type thing[T any] struct{ v T }\nthing[int]{7}.v", out: "[result 7]"},
			{cell: "import thing \"strings\"\nthing.ToUpper(\"h\")", out: "[result H]"},
			{cell: "thing := 9\nthing", out: "[result 9]"},
			{cell: "import thing \"strings\"\nthing.ToUpper(\"h\")", out: "[result H]"},
			{cell: "thing.ToLower(\"H\")", out: "[result h]"},
		}},
		{"a function and its callers", []step{
			{cell: "func f() int { return 1 }\nfunc g() int { return 10 * f() }\ng()", out: "[result 10]"},
			{cell: "func f() int { return 2 }\ng()", out: "[result 20]"},
			{cell: "func f() int { return 3 }"},
			{cell: "g()", out: "[result 30]"},
			{cell: "h := f\nh()", out: "[result 3]"},
			{cell: "func f() int { return 4 }\nh() + f()", out: "[result 8]"},
		}},
		{"a cell that runs again", []step{
			{cell: "total := 0\nfunc bump() int { total++; return total }"},
			{cell: "bump()", out: "[result 1]"},
			{cell: "bump()", out: "[result 2]"},
			{cell: "total := 0\nfunc bump() int { total++; return total }"},
			{cell: "bump()", out: "[result 1]"},
			{cell: "total := 100\nfunc bump() int { total += 2; return total }"},
			{cell: "bump()", out: "[result 102]"},
			{cell: "total := 0\nfunc bump() int { total++; return total }"},
			{cell: "bump()", out: "[result 1]"},
			{cell: "type rec struct{ n int }\nvar r rec\nr.n++\nr", out: "[result {1}]"},
			{cell: "type rec struct{ n int }\nvar r rec\nr.n++\nr", out: "[result {1}]"},
		}},
		{"a failed cell changes nothing", []step{
			{cell: "keep := 1\nfunc kf() int { return 1 }"},
			{cell: "keep := 2\nundefinedThing()", fails: "undefined: undefinedThing"},
			{cell: "keep", out: "[result 1]"},
			{cell: "func kf() int { return 2 }\nkeep = \"s\"", fails: "compile error: cannot use"},
			{cell: "kf()", out: "[result 1]"},
			{cell: "import \"strings\"\nimport \"no/such/package\"", fails: "compile error"},
			{cell: "keep := \"text\"\nkeep = 5", fails: "cannot use 5"},
			{cell: "keep + 1", out: "[result 2]"},
		}},
		{"a panic keeps what was done", []step{
			{cell: "done := 1\nfresh := []int{1}\ndone = 2\npanic(\"stop\")\ndone = 3", fails: "panic: stop"},
			{cell: "fmt.Print(done, fresh)", out: "2 [1]"},
			{cell: "func pf() int { return 1 }\nvar never = func() int { panic(\"early\") }()\n", fails: "panic: early"},
			{cell: "fmt.Print(pf(), never)", out: "1 0"},
			{cell: "func pf() int { return 2 }\npanic(1)", fails: "panic: 1"},
			{cell: "pf()", out: "[result 2]"},
		}},
		{"closures see a variable that is assigned to again", []step{
			{cell: "lr := 0.5\nstepf := func() float64 { return lr * 2 }"},
			{cell: "lr := 2.0\nstepf()", out: "[result 4]"},
			{cell: "var lr float64 = 3\nstepf()", out: "[result 6]"},
			{cell: "lr = 4\nstepf()", out: "[result 8]"},
			{cell: "lr := 7\nstepf()", out: "[result 8]"},
		}},
		{"recursive and mutually recursive declarations", []step{
			{cell: "func even(n int) bool { return n == 0 || odd(n-1) }\nfunc odd(n int) bool { return n != 0 && even(n-1) }\neven(10)", out: "[result true]"},
			{cell: "type list struct { v int; next *list }\ntype A struct{ b *B }\ntype B struct{ a *A }\nvar l = &list{1, &list{2, nil}}\nl.next.v", out: "[result 2]"},
			{cell: "ab := A{&B{}}\nab.b.a == nil", out: "[result true]"},
		}},
		{"variables of functions that are defined later in the cell", []step{
			{cell: "var u9 = v9 + 1\nv9 := 2\nu9", fails: "undefined: v9 (it is declared further down in this cell)"},
			{cell: "get9 := func() int { return w9 }\nw9 := 4\nget9()", out: "[result 4]"},
		}},
	})
}
