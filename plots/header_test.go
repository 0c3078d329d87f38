package plots

import (
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"goalgap/lib/stats"
)

// Each name is in one line, in order, and no line of several names is wider than there is room for.
func TestHeaderLines(t *testing.T) {
	c := NewChart("", "", "")
	for _, names := range [][]string{nil, {"one"}, strings.Fields("a few short names"), {strings.Repeat("long ", 40), "short", "short"}, slices.Repeat([]string{"a name of some length"}, 9)} {
		h := header{names, Series}
		const room = 300
		next := 0
		for _, line := range h.lines(c.Plot, room) {
			width := vg.Length(-headerGap)
			for _, i := range line {
				if i != next {
					t.Fatalf("%q: %v", names, h.lines(c.Plot, room))
				}
				next++
				width += h.width(c.Plot, names[i])
			}
			if width > room && len(line) > 1 {
				t.Errorf("%q: a line of %v names is %v wide", names, len(line), width)
			}
		}
		if next != len(names) {
			t.Errorf("%q: %d names are in lines", names, next)
		}
	}
	if n := len((header{slices.Repeat([]string{"x"}, 3), Series}).lines(c.Plot, 300)); n != 1 {
		t.Errorf("three short names take %d lines", n)
	}
}

// Names do not fall on the title: it moves up.
func TestHeaderMakesRoom(t *testing.T) {
	few := Bars("", "", []string{"a", "b"}, Group{"g", []stats.Interval{{Value: 1}, {Value: 2}}})
	many := Bars("", "", slices.Repeat([]string{"a name of some length"}, 9), Group{"g", nil})
	if few.Title.Padding < headerLine || many.Title.Padding < few.Title.Padding+headerLine {
		t.Errorf("room of %v for two names, %v for nine long ones", few.Title.Padding, many.Title.Padding)
	}
}
