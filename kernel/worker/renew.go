package worker

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"unsafe"

	"goalgap/kernel/worker/cell"
)

// A type that gets a method is compiled again, and the new type has the layout of the old one. Variables need nothing: later
// cells declare them with the new type, at the same place in memory. But an interface carries the type of what it holds. So
// the session's variables are searched, with everything that can be reached from them through types without a name and
// types of cells, and what interfaces hold of an old type gets the new one. What only a goroutine's stack, a closure, a
// channel or a value of a library's type holds is out of reach and keeps the old type.

// successors are the types that took the place of others, since the worker started.
var successors = map[reflect.Type]reflect.Type{}

// renew is what cell.Renew does.
func renew(pairs []any) {
	fresh := false
	for i := 0; i+1 < len(pairs); i += 2 {
		before, after := reflect.TypeOf(pairs[i]).Elem(), reflect.TypeOf(pairs[i+1]).Elem()
		if before != after && successors[before] != after {
			successors[before], fresh = after, true
		}
	}
	if !fresh {
		return // the cell is run again
	}
	r := renewer{types: map[reflect.Type]reflect.Type{}, searched: map[reflect.Type]bool{}, seen: map[place]bool{}}
	for name, p := range cell.AllNamed() {
		r.root(name, reflect.ValueOf(p).Elem())
	}
}

// root renews what can be reached from a variable of the session. Types that reflect cannot make are not a reason to fail.
func (r *renewer) root(name string, v reflect.Value) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "goalgap: what interfaces in %s hold could not be given its new methods: %v\n", name[strings.LastIndexByte(name, '.')+1:], p)
		}
	}()
	r.variable(v)
}

// A renewer goes through values.
type renewer struct {
	types    map[reflect.Type]reflect.Type // what each type has become
	searched map[reflect.Type]bool         // whether values of a type can lead to an interface
	seen     map[place]bool
}

// place is something that pointers lead to.
type place struct {
	at     unsafe.Pointer
	t      reflect.Type
	length int
}

// now returns the type that t has become: itself if it mentions no old type, or if that cannot be written.
func (r *renewer) now(t reflect.Type) reflect.Type {
	if n, ok := r.types[t]; ok {
		return n
	}
	r.types[t] = t // for types that contain themselves
	n := t
	for n.Name() != "" && successors[n] != nil {
		n = successors[n]
	}
	if n.Name() == "" {
		n = r.compose(n)
	}
	r.types[t] = n
	return n
}

// compose is now for a type without a name.
func (r *renewer) compose(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer:
		if e := r.now(t.Elem()); e != t.Elem() {
			return reflect.PointerTo(e)
		}
	case reflect.Slice:
		if e := r.now(t.Elem()); e != t.Elem() {
			return reflect.SliceOf(e)
		}
	case reflect.Array:
		if e := r.now(t.Elem()); e != t.Elem() {
			return reflect.ArrayOf(t.Len(), e)
		}
	case reflect.Chan:
		if e := r.now(t.Elem()); e != t.Elem() {
			return reflect.ChanOf(t.ChanDir(), e)
		}
	case reflect.Map:
		if k, e := r.now(t.Key()), r.now(t.Elem()); k != t.Key() || e != t.Elem() {
			return reflect.MapOf(k, e)
		}
	case reflect.Func:
		changed := false
		var in, out []reflect.Type
		for p := range t.Ins() {
			in = append(in, r.now(p))
			changed = changed || in[len(in)-1] != p
		}
		for p := range t.Outs() {
			out = append(out, r.now(p))
			changed = changed || out[len(out)-1] != p
		}
		if changed {
			return reflect.FuncOf(in, out, t.IsVariadic())
		}
	case reflect.Struct:
		changed, open := false, true
		var fields []reflect.StructField
		for f := range t.Fields() {
			n := r.now(f.Type)
			changed, open = changed || n != f.Type, open && f.IsExported() && !f.Anonymous
			f.Type = n
			fields = append(fields, f)
		}
		if changed && open { // reflect cannot make others
			return reflect.StructOf(fields)
		}
	}
	return t
}

// leads reports whether values of a type can lead to an interface that may have to be changed.
func (r *renewer) leads(t reflect.Type) bool {
	if known, ok := r.searched[t]; ok {
		return known
	}
	found := leadsToInterface(t, map[reflect.Type]bool{})
	r.searched[t] = found
	return found
}

func leadsToInterface(t reflect.Type, path map[reflect.Type]bool) bool {
	if path[t] || !ofCells(t) {
		return false
	}
	path[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return leadsToInterface(t.Elem(), path)
	case reflect.Map:
		return leadsToInterface(t.Key(), path) || leadsToInterface(t.Elem(), path)
	case reflect.Struct:
		for f := range t.Fields() {
			if leadsToInterface(f.Type, path) {
				return true
			}
		}
	}
	return false
}

// ofCells reports whether a type is one that only cells hold values of, but for the interfaces of libraries: other types
// of libraries may be in use by goroutines of theirs, and do not show what they hold.
func ofCells(t reflect.Type) bool {
	return t.PkgPath() == "" || t.Kind() == reflect.Interface || strings.HasPrefix(t.PkgPath(), "nb/") || t.PkgPath() == "main"
}

// variable renews what can be reached from a variable, and reports whether it changed the variable itself.
func (r *renewer) variable(v reflect.Value) (changed bool) {
	if !r.leads(v.Type()) {
		return false
	}
	v = reflect.NewAt(r.now(v.Type()), v.Addr().UnsafePointer()).Elem()
	switch v.Kind() {
	case reflect.Interface:
		return r.held(v)
	case reflect.Struct:
		for _, f := range v.Fields() {
			changed = r.variable(f) || changed
		}
	case reflect.Array:
		for i := range v.Len() {
			changed = r.variable(v.Index(i)) || changed
		}
	default:
		r.behind(v)
	}
	return changed
}

// behind renews what a pointer, a slice or a map leads to.
func (r *renewer) behind(v reflect.Value) {
	p := place{t: v.Type()}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map:
		p.at = v.UnsafePointer()
	case reflect.Slice:
		p.at, p.length = v.UnsafePointer(), v.Len()
	}
	if p.at == nil || r.seen[p] {
		return
	}
	r.seen[p] = true
	switch v.Kind() {
	case reflect.Pointer:
		r.variable(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			r.variable(v.Index(i))
		}
	case reflect.Map:
		r.entries(v)
	}
}

// entries renews the keys and elements of a map, which have no address.
func (r *renewer) entries(m reflect.Value) {
	for _, k := range m.MapKeys() {
		key, element := copyOf(k), copyOf(m.MapIndex(k))
		changedKey := r.variable(key)
		if r.variable(element) || changedKey {
			if changedKey {
				m.SetMapIndex(k, reflect.Value{})
			}
			m.SetMapIndex(key, element)
		}
	}
}

// copyOf returns a variable with a copy of a value.
func copyOf(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// held renews what an interface variable holds.
func (r *renewer) held(v reflect.Value) (changed bool) {
	if v.IsNil() {
		return false
	}
	old := v.Elem()
	t := r.now(old.Type())
	if t == old.Type() {
		switch {
		case !r.leads(t):
			return false
		case t.Kind() != reflect.Struct && t.Kind() != reflect.Array:
			r.behind(old)
			return false
		}
	}
	if !t.Implements(v.Type()) {
		return false
	}
	n := reflect.New(t)
	reflect.NewAt(old.Type(), n.UnsafePointer()).Elem().Set(old)
	if !r.variable(n.Elem()) && t == old.Type() {
		return false
	}
	v.Set(n.Elem())
	return true
}
