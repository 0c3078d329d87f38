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
