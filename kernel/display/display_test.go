package display

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"testing"
)

type both struct{}

func (both) HTML() string   { return "<b>b</b>" }
func (both) String() string { return "b" }

type panics struct{}

func (panics) HTML() string { panic("no") }

type point struct{ X, Y int }

func TestValuesShowThemselves(t *testing.T) {
	var nilPointer *both
	for name, test := range map[string]struct {
		value any
		kind  string
		want  any
	}{
		"a number":                   {42, TypeText, "42"},
		"a string stays unquoted":    {"go", TypeText, "go"},
		"nothing":                    {nil, TypeText, "<nil>"},
		"a nil pointer":              {nilPointer, TypeText, "<nil>"},
		"a struct":                   {point{1, 2}, TypeText, "{1 2}"},
		"an error":                   {errors.New("broken"), TypeText, "broken"},
		"a method for HTML":          {both{}, TypeHTML, "<b>b</b>"},
		"its String for text":        {both{}, TypeText, "b"},
		"data as it is":              {HTML("<i>"), TypeHTML, "<i>"},
		"a table as HTML":            {NewTable("a").Add(1), TypeHTML, "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"},
		"invalid text is made valid": {"a\xffb", TypeText, "a\uFFFDb"},
	} {
		if got := Of(test.value).Data[test.kind]; got != test.want {
			t.Errorf("%s: got %q, not %q", name, got, test.want)
		}
	}
	if d := Of(image.NewGray(image.Rect(0, 0, 3, 2))); d.Data[TypeText] != "PNG picture, 3 × 2" || len(d.Data[TypePNG].([]byte)) == 0 {
		t.Errorf("a picture is shown as %v", d.Data[TypeText])
	}
	if text := fmt.Sprint(Of(panics{}).Data[TypeText]); !strings.Contains(text, "panicked: no") {
		t.Errorf("a method that panics gives %q", text)
	}
	if got := Values(1, "a", nil).Data[TypeText]; got != "1 a <nil>" {
		t.Errorf("several values are shown as %q", got)
	}
}

type ofPointer struct{ n int }

func (p *ofPointer) HTML() string { return fmt.Sprint("<i>", p.n) }

type asMap struct{}

func (asMap) JSON() map[string]any { return map[string]any{"a": 1} }

type simple struct{}

func (simple) SimpleRender() MIMEMap { return MIMEMap{MIMETypeLatex: "$x$"} }

type square [][]float64

func (s square) Dims() (int, int)    { return len(s), len(s) }
func (s square) At(i, j int) float64 { return s[i][j] }

func TestFormsOfAllKindsOfValues(t *testing.T) {
	loop := map[string]any{}
	loop["self"] = []any{loop}
	list := []any{nil}
	list[0] = list
	var noFunction func()
	large := make(square, 40)
	for i := range large {
		large[i] = make([]float64, 40)
	}
	for name, test := range map[string]struct {
		value any
		kind  string
		want  any
	}{
		"a function is its type":            {func(int) string { return "" }, TypeText, "func(int) string"},
		"no function":                       {noFunction, TypeText, "<nil>"},
		"a method of the pointer":           {ofPointer{3}, TypeHTML, "<i>3"},
		"a map that contains itself":        {loop, TypeText, "map[string]interface {} that contains itself"},
		"a list that contains itself":       {list, TypeText, "[]interface {} that contains itself"},
		"a pointer to it":                   {&list, TypeText, "*[]interface {} that contains itself"},
		"a matrix":                          {square{{1, -2}, {30, 4}}, TypeText, "⎡ 1  -2⎤\n⎣30   4⎦"},
		"a matrix of one row":               {square{{1}}, TypeText, "[1]"},
		"a rectangle is not a picture":      {image.Rect(0, 0, 2, 3), TypeText, "(0,0)-(2,3)"},
		"a picture without end":             {image.White, TypeText, "*image.Uniform of 2000000000 × 2000000000 pixels, too large to show"},
		"text forms of LaTeX":               {simple{}, TypeLatex, "$x$"},
		"LaTeX gets its dollar signs":       {Latex("x^2"), TypeLatex, "$x^2$"},
		"content whose type is found out":   {Auto([]byte("<svg/>")), TypeSVG, "<svg/>"},
		"content from a reader":             {Any("", strings.NewReader("<b>")), TypeHTML, "<b>"},
		"a slice of many zeros":             {make([]byte, 10<<20), TypeText, "[" + strings.Repeat("0 ", 1000) + "… " + strings.Repeat("0 ", 99) + "0] (10485760 elements)"},
		"several forms at once have text":   {MIME(MIMEMap{TypeHTML: "x"}, nil), TypeText, "display.Data"},
		"a nil error beside a picture":      {Values(HTML("x"), nil), TypeHTML, "x"},
		"a matrix of many rows has corners": {strings.Count(fmt.Sprint(Of(large).Data[TypeText]), "\n"), TypeText, "11"},
	} {
		if got := Of(test.value).Data[test.kind]; got != test.want {
			t.Errorf("%s: got %q, not %q", name, got, test.want)
		}
	}
	if got := fmt.Sprint(Of(asMap{}).Data[TypeJSON]); got != "map[a:1]" {
		t.Errorf("a method JSON that returns a map gives %s", got)
	}
	if n := len(fmt.Sprint(Of(strings.Repeat("é", 1e6)).Data[TypeText])); n > maxText {
		t.Errorf("a long string has %d bytes of text", n)
	}
}

// collect returns what f sends to the front end.
func collect(f func()) (list []Message) {
	old := sink
	SetSink(func(m Message) { list = append(list, m) })
	defer SetSink(old)
	f()
	return list
}

func TestLiveOutputIsReplaced(t *testing.T) {
	list := collect(func() {
		l := NewLive()
		l.Update(1)
		l.Update(2)
	})
	if len(list) != 2 || list[0].Kind != "display" || list[1].Kind != "update" ||
		list[0].Data.Transient["display_id"] != list[1].Data.Transient["display_id"] || list[1].Data.Data[TypeText] != "2" {
		t.Errorf("got %+v", list)
	}
}

func TestProgressIsSparingAndEndsFull(t *testing.T) {
	list := collect(func() {
		p := NewProgress("work", 100000)
		for i := range 100000 {
			p.Set(float64(i), "")
		}
		p.Finish("done")
	})
	if len(list) > 20 {
		t.Errorf("%d messages for one quick loop", len(list))
	}
	last := list[len(list)-1].Data.Data
	if s := last[TypeProgress].(ProgressState); s.Done != 100000 || !strings.HasPrefix(fmt.Sprint(last[TypeText]), "work 100%  done") {
		t.Errorf("the last message is %v", last)
	}
}

func TestTableEscapesAndAligns(t *testing.T) {
	table := NewTable("name", "n").Add("<ä>", 1).Add("long name")
	if h := table.HTML(); !strings.Contains(h, "&lt;ä&gt;") || strings.Contains(h, "<ä>") {
		t.Errorf("not escaped: %s", h)
	}
	want := "name       n\n─────────  ─\n<ä>        1\nlong name"
	if got := table.Text(); got != want {
		t.Errorf("got\n%s\nnot\n%s", got, want)
	}
	if m := NewTable("a|b").Add("c|d").Markdown(); m != "| a\\|b |\n| --- |\n| c\\|d |\n" {
		t.Errorf("got %q", m)
	}
}

func TestVerdictCarriesItsNumbers(t *testing.T) {
	d := Of(Verdict{Claim: "c", Outcome: "supported", Because: "1 > 0", Table: NewTable("a").Add(1)})
	v := d.Data[TypeVerdict].(map[string]any)
	if v["outcome"] != "supported" || !strings.Contains(fmt.Sprint(d.Data[TypeText]), "supported: 1 > 0") {
		t.Errorf("got %+v", d)
	}
}

type noPicture struct{}

func (noPicture) PNG() []byte    { return nil }
func (noPicture) JPEG() []byte   { return []byte{} }
func (noPicture) String() string { return "no picture" }

func TestAPictureOfNothingIsLeftOut(t *testing.T) {
	d := Of(noPicture{})
	if len(d.Data) != 1 || d.Data[TypeText] != "no picture" {
		t.Errorf("it is shown as %v", d.Data)
	}
}
