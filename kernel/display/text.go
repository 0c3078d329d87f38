package display

import (
	"fmt"
	"image"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxText is the length in bytes from which the plain text of a value is shortened: it would fill pages, and every
// client of the notebook would get and store it.
const maxText = 1 << 16

// hasOwnForm reports whether v says itself how it is shown, other than by String or Error.
func hasOwnForm(v any) bool {
	switch v.(type) {
	case image.Rectangle:
		return false
	case Renderer, SimpleRenderer, interface{ SimpleRender() Data }, HTMLer, Markdowner, Latexer, SVGer, PNGer, JPEGer,
		PDFer, JavaScripter, JSONer, interface{ JSON() any }, image.Image, interface{ Text() string }:
		return true
	}
	return false
}

// addressed returns a pointer to a copy of v, which has the methods with a pointer receiver too; nil for types without
// a name, which have no methods, and for interfaces and pointers.
func addressed(v any) any {
	rv := reflect.ValueOf(v)
	if t := rv.Type(); t.Name() == "" || reflect.PointerTo(t).NumMethod() == t.NumMethod() {
		return nil
	}
	p := reflect.New(rv.Type())
	p.Elem().Set(rv)
	return p.Interface()
}

// sprint is fmt.Sprint, but a function gives its type, a matrix its rows, long text its beginning and end, and a value
// that contains itself does not end the process. The result is valid UTF-8.
func sprint(v any) string {
	rv := reflect.ValueOf(v)
	_, isError := v.(error)
	_, isStringer := v.(fmt.Stringer)
	_, isFormatter := v.(fmt.Formatter)
	if !isError && !isStringer && !isFormatter {
		if rv.Kind() == reflect.Func && !rv.IsNil() {
			return rv.Type().String()
		}
		if m := matrix(v); m != "" {
			return m
		}
		if endless(rv, 0) {
			return fmt.Sprintf("%T that contains itself", v)
		}
		if n := length(rv); n > maxText { // an element takes at least a byte
			return fmt.Sprintf("%s … %s (%d elements)", strings.TrimSuffix(sprint(rv.Slice(0, 1000).Interface()), "]"),
				strings.TrimPrefix(sprint(rv.Slice(n-100, n).Interface()), "["), n)
		}
	}
	s := fmt.Sprint(v)
	if len(s) > maxText {
		s = fmt.Sprintf("%s … %s (%d bytes of text)", s[:maxText*3/4], s[len(s)-maxText/8:], len(s))
	}
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// length is the number of elements of a slice, 0 of anything else.
func length(v reflect.Value) int {
	if v.Kind() == reflect.Slice {
		return v.Len()
	}
	return 0
}

// endless reports whether v contains itself by way of slices, maps and interfaces, which fmt follows without end. (Of
// pointers it follows none but the first.)
func endless(v reflect.Value, depth int) bool {
	if depth > 1000 {
		return true
	}
	switch v.Kind() {
	case reflect.Pointer:
		return depth == 0 && !v.IsNil() && endless(v.Elem(), depth+1)
	case reflect.Interface:
		return !v.IsNil() && endless(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if !holdsMore(v.Type().Elem()) {
			return false
		}
		for i := range v.Len() {
			if endless(v.Index(i), depth+1) {
				return true
			}
		}
	case reflect.Map:
		if !holdsMore(v.Type().Elem()) {
			return false
		}
		for it := v.MapRange(); it.Next(); {
			if endless(it.Value(), depth+1) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if endless(v.Field(i), depth+1) {
				return true
			}
		}
	}
	return false
}

func holdsMore(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Slice, reflect.Map, reflect.Struct, reflect.Array:
		return true
	}
	return false
}

// matrix writes a matrix of gonum as mat.Formatted does, and a large one by its corners; anything else gives "".
func matrix(v any) (s string) {
	type dimensional interface {
		Dims() (rows, cols int)
		At(i, j int) float64
	}
	m, ok := v.(dimensional)
	if !ok && v != nil {
		m, ok = addressed(v).(dimensional)
	}
	if !ok {
		return ""
	}
	defer func() {
		if recover() != nil {
			s = ""
		}
	}()
	const most, edge = 30, 5
	rows, cols := m.Dims()
	if rows == 0 || cols == 0 {
		return fmt.Sprintf("%d × %d matrix", rows, cols)
	}
	indices := func(n int) (list []int) { // -1 stands for what is left out
		for i := 0; i < n; i++ {
			if n > most && i == edge {
				list = append(list, -1)
				i = n - edge
			}
			list = append(list, i)
		}
		return list
	}
	ri, ci := indices(rows), indices(cols)
	cells, width := make([][]string, len(ri)), make([]int, len(ci))
	for i, r := range ri {
		cells[i] = make([]string, len(ci))
		for j, c := range ci {
			switch {
			case r < 0:
				cells[i][j] = "⋮"
			case c < 0:
				cells[i][j] = "…"
			default:
				cells[i][j] = fmt.Sprint(m.At(r, c))
			}
			width[j] = max(width[j], utf8.RuneCountInString(cells[i][j]))
		}
	}
	var b strings.Builder
	if rows > most || cols > most {
		fmt.Fprintf(&b, "%d × %d\n", rows, cols)
	}
	for i, row := range cells {
		left, right := "⎢", "⎥\n"
		switch {
		case len(cells) == 1:
			left, right = "[", "]"
		case i == 0:
			left, right = "⎡", "⎤\n"
		case i == len(cells)-1:
			left, right = "⎣", "⎦"
		}
		b.WriteString(left)
		for j, text := range row {
			if j > 0 {
				b.WriteString("  ")
			}
			fmt.Fprintf(&b, "%*s", width[j], text)
		}
		b.WriteString(right)
	}
	return b.String()
}
