package worker

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strconv"

	"goalgap/kernel/worker/cell"
)

// A Program is a cell so simple that it is executed by reflection: constants, variables, fields, elements, arithmetic, and
// at most one call of a function of the session. The kernel has type-checked it.
type Program struct {
	Assign []Assignment `json:"assign,omitempty"` // executed first, in this order
	Values []*Node      `json:"values,omitempty"` // evaluated last
	Show   bool         `json:"show,omitempty"`   // the values
	Try    bool         `json:"try,omitempty"`    // the last result of the call is an error to be checked
}

// An Assignment gives a variable a value.
type Assignment struct {
	Symbol string `json:"symbol"`
	Value  *Node  `json:"value"`
}

// A Node is an expression.
type Node struct {
	Op    string  `json:"op"`              // "const", "var", "func", "field", "index", "len", "cap", "deref", "addr", "call", "method", "unary" or "binary"
	Name  string  `json:"name,omitempty"`  // symbol; kind of a constant; method; operator
	Value string  `json:"value,omitempty"` // of a constant, exact
	Path  []int   `json:"path,omitempty"`  // of a field
	Args  []*Node `json:"args,omitempty"`
}

// NotEvaluated is the name of the error of a program that was not executed.
const NotEvaluated = "not evaluated"

// refusal is what the evaluator panics with before anything is executed.
type refusal struct{}

// evaluate executes a program.
func evaluate(data json.RawMessage) (failure *Error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(refusal); !ok {
				panic(p) // of the function that was called
			}
			failure = &Error{Name: NotEvaluated}
		}
	}()
	var p Program
	if err := json.Unmarshal(data, &p); err != nil {
		return &Error{Name: NotEvaluated, Value: err.Error()}
	}
	for _, a := range p.Assign {
		target := symbol(a.Symbol)
		target.Set(convert(single(a.Value), target.Type()))
	}
	var results []any
	for _, n := range p.Values {
		for _, v := range n.eval() {
			results = append(results, v.Interface())
		}
	}
	if p.Try {
		cell.Try(results...)
		if len(results) > 1 || !p.Show {
			results = results[:len(results)-1]
		} else {
			results = nil
		}
	}
	if p.Show {
		cell.Show(results...)
	}
	return nil
}

func refuse() { panic(refusal{}) }

// symbol returns a variable of the session.
func symbol(name string) reflect.Value {
	p, ok := cell.Named(name)
	if !ok {
		refuse()
	}
	return reflect.ValueOf(p).Elem()
}

func single(n *Node) reflect.Value {
	v := n.eval()
	if len(v) != 1 {
		refuse()
	}
	return v[0]
}

// convert gives an assignable value the type of what it is assigned to. A constant has the type int64, say, until then.
func convert(v reflect.Value, t reflect.Type) reflect.Value {
	switch {
	case v.Type() == t || v.Type().AssignableTo(t):
		return v
	case v.CanConvert(t):
		return v.Convert(t)
	}
	refuse()
	return v
}

// open lets a value that was read from an unexported field be used like any other: the field was named by a cell.
func open(v reflect.Value) reflect.Value {
	if v.CanInterface() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

func (n *Node) eval() []reflect.Value {
	one := func(v reflect.Value) []reflect.Value { return []reflect.Value{v} }
	switch n.Op {
	case "const":
		return one(n.constant())
	case "var", "func":
		return one(symbol(n.Name))
	case "field":
		v := single(n.Args[0])
		if v.Kind() != reflect.Pointer && !v.CanAddr() {
			c := reflect.New(v.Type()).Elem()
			c.Set(v)
			v = c
		}
		for _, i := range n.Path {
			if v.Kind() == reflect.Pointer {
				if v.IsNil() {
					refuse()
				}
				v = v.Elem()
			}
			v = open(v.Field(i))
		}
		return one(v)
	case "index":
		v, i := single(n.Args[0]), single(n.Args[1])
		if v.Kind() == reflect.Map {
			e := v.MapIndex(convert(i, v.Type().Key()))
			if !e.IsValid() {
				e = reflect.Zero(v.Type().Elem())
			}
			return one(e)
		}
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				refuse()
			}
			v = v.Elem()
		}
		if !i.CanInt() || i.Int() < 0 || i.Int() >= int64(v.Len()) {
			refuse()
		}
		return one(v.Index(int(i.Int())))
	case "len":
		return one(reflect.ValueOf(single(n.Args[0]).Len()))
	case "cap":
		return one(reflect.ValueOf(single(n.Args[0]).Cap()))
	case "deref":
		v := single(n.Args[0])
		if v.IsNil() {
			refuse()
		}
		return one(v.Elem())
	case "addr":
		v := single(n.Args[0])
		if !v.CanAddr() {
			refuse()
		}
		return one(v.Addr())
	case "call":
		return n.call(single(n.Args[0]))
	case "method":
		v := single(n.Args[0])
		m := v.MethodByName(n.Name)
		if !m.IsValid() && v.CanAddr() {
			m = v.Addr().MethodByName(n.Name)
		}
		if !m.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface && v.IsNil() {
			refuse()
		}
		return n.call(m)
	case "unary":
		return one(n.unary(single(n.Args[0])))
	case "binary":
		return one(n.binary(single(n.Args[0]), single(n.Args[1])))
	}
	refuse()
	return nil
}

func (n *Node) call(f reflect.Value) []reflect.Value {
	if f.Kind() != reflect.Func || f.IsNil() {
		refuse()
	}
	t := f.Type()
	args := make([]reflect.Value, 0, len(n.Args))
	for i, a := range n.Args[min(1, len(n.Args)):] {
		in := t.NumIn() - 1
		if i < in || !t.IsVariadic() {
			args = append(args, convert(single(a), t.In(i)))
		} else {
			args = append(args, convert(single(a), t.In(in).Elem()))
		}
	}
	return f.Call(args)
}

// kinds are the types of constants.
var kinds = map[string]reflect.Type{
	"bool": reflect.TypeFor[bool](), "string": reflect.TypeFor[string](), "int": reflect.TypeFor[int](),
	"int8": reflect.TypeFor[int8](), "int16": reflect.TypeFor[int16](), "int32": reflect.TypeFor[int32](),
	"int64": reflect.TypeFor[int64](), "uint": reflect.TypeFor[uint](), "uint8": reflect.TypeFor[uint8](),
	"uint16": reflect.TypeFor[uint16](), "uint32": reflect.TypeFor[uint32](), "uint64": reflect.TypeFor[uint64](),
	"uintptr": reflect.TypeFor[uintptr](), "float32": reflect.TypeFor[float32](), "float64": reflect.TypeFor[float64](),
}

func (n *Node) constant() reflect.Value {
	t, ok := kinds[n.Name]
	if !ok {
		refuse()
	}
	v := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.Bool:
		v.SetBool(n.Value == "true")
	case t.Kind() == reflect.String:
		v.SetString(n.Value)
	case v.CanFloat():
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			refuse()
		}
		v.SetFloat(f)
	case v.CanInt():
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			refuse()
		}
		v.SetInt(i)
	default:
		u, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			refuse()
		}
		v.SetUint(u)
	}
	return v
}

func (n *Node) unary(x reflect.Value) reflect.Value {
	r := reflect.New(x.Type()).Elem()
	switch {
	case n.Name == "!" && x.Kind() == reflect.Bool:
		r.SetBool(!x.Bool())
	case n.Name == "-" && x.CanInt():
		r.SetInt(-x.Int())
	case n.Name == "-" && x.CanFloat():
		r.SetFloat(-x.Float())
	case n.Name == "+" && (x.CanInt() || x.CanFloat()):
		r.Set(x)
	default:
		refuse()
	}
	return r
}

// binary computes x op y. A constant takes the type of the other operand; the type checker has made sure that it fits.
func (n *Node) binary(x, y reflect.Value) reflect.Value {
	if n.Args[0].Op == "const" {
		x = convert(x, y.Type())
	} else {
		y = convert(y, x.Type())
	}
	switch {
	case x.CanInt():
		return arithmetic(n.Name, x, x.Int(), y.Int(), reflect.Value.SetInt)
	case x.CanUint():
		return arithmetic(n.Name, x, x.Uint(), y.Uint(), reflect.Value.SetUint)
	case x.CanFloat():
		// Computed with 64 bits and rounded to 32, one operation on 32 bits is exact to the last bit.
		a, b := x.Float(), y.Float()
		r := reflect.New(x.Type()).Elem()
		switch n.Name {
		case "+":
			r.SetFloat(a + b)
		case "-":
			r.SetFloat(a - b)
		case "*":
			r.SetFloat(a * b)
		case "/":
			r.SetFloat(a / b)
		default:
			return compare(n.Name, a, b)
		}
		return r
	case x.Kind() == reflect.String:
		if n.Name == "+" {
			r := reflect.New(x.Type()).Elem()
			r.SetString(x.String() + y.String())
			return r
		}
		return compare(n.Name, x.String(), y.String())
	case x.Kind() == reflect.Bool:
		a, b := x.Bool(), y.Bool()
		switch n.Name {
		case "&&":
			return reflect.ValueOf(a && b)
		case "||":
			return reflect.ValueOf(a || b)
		case "==":
			return reflect.ValueOf(a == b)
		case "!=":
			return reflect.ValueOf(a != b)
		}
	}
	refuse()
	return x
}

func arithmetic[T int64 | uint64](op string, x reflect.Value, a, b T, set func(reflect.Value, T)) reflect.Value {
	r := reflect.New(x.Type()).Elem()
	switch op {
	case "+":
		set(r, a+b)
	case "-":
		set(r, a-b)
	case "*":
		set(r, a*b)
	case "/", "%":
		if b == 0 {
			refuse() // compiled code panics as it should
		}
		if op == "/" {
			set(r, a/b)
		} else {
			set(r, a%b)
		}
	case "&":
		set(r, a&b)
	case "|":
		set(r, a|b)
	case "^":
		set(r, a^b)
	case "&^":
		set(r, a&^b)
	default:
		return compare(op, a, b)
	}
	return r
}

func compare[T cmp.Ordered](op string, a, b T) reflect.Value {
	switch op {
	case "==":
		return reflect.ValueOf(a == b)
	case "!=":
		return reflect.ValueOf(a != b)
	case "<":
		return reflect.ValueOf(a < b)
	case "<=":
		return reflect.ValueOf(a <= b)
	case ">":
		return reflect.ValueOf(a > b)
	case ">=":
		return reflect.ValueOf(a >= b)
	}
	refuse()
	return reflect.Value{}
}
