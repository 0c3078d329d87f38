package widget

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"goalgap/kernel/display"
)

// Slider lets the user choose a number.
type Slider[T int | float64] struct {
	*model

	mu       sync.Mutex
	value    T
	onChange []func(T)
}

// NewSlider returns a slider from low to high that stands at value. One of whole numbers has steps of 1, others have a
// hundredth of the range.
func NewSlider[T int | float64](label string, low, high, value T) *Slider[T] {
	state := map[string]any{"value": value, "min": low, "max": high, "description": label, "orientation": "horizontal",
		"readout": true, "continuous_update": true, "disabled": false, "_range": false}
	c := class{model: "IntSliderModel", view: "IntSliderView"}
	state["step"], state["readout_format"] = any(1), "d"
	if _, whole := any(value).(int); !whole {
		c = class{model: "FloatSliderModel", view: "FloatSliderView"}
		state["step"], state["readout_format"] = float64(high-low)/100, ".2f"
	}
	s := &Slider[T]{model: newModel(c, &sliderStyle, state), value: value}
	s.text = fmt.Sprintf("%s: %v (%v to %v)", label, value, low, high)
	s.changed = func(state map[string]json.RawMessage) {
		var v T
		if json.Unmarshal(state["value"], &v) != nil {
			return
		}
		s.mu.Lock()
		if v == s.value {
			s.mu.Unlock()
			return
		}
		s.value = v
		list := s.onChange
		s.mu.Unlock()
		for _, f := range list {
			f(v)
		}
	}
	return s
}

// Step sets the distance between the values that can be chosen.
func (s *Slider[T]) Step(step T) *Slider[T] {
	s.set("step", step)
	return s
}

// OnChange says what is called with each value that the user chooses, beside what was said before.
func (s *Slider[T]) OnChange(f func(value T)) *Slider[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onChange = append(s.onChange[:len(s.onChange):len(s.onChange)], f)
	return s
}

// Value returns where the slider stands.
func (s *Slider[T]) Value() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// Set moves the slider. What OnChange has said is not called.
func (s *Slider[T]) Set(value T) {
	s.mu.Lock()
	s.value = value
	s.mu.Unlock()
	s.set("value", value)
}

// Progress is a bar that fills.
type Progress struct {
	*model

	total  float64
	redraw *display.Redraw

	mu    sync.Mutex
	value float64
}

// redrawInterval bounds how often a bar is redrawn, which loops may ask for at every turn.
const redrawInterval = 100 * time.Millisecond

// NewProgress returns an empty bar for a computation of total units.
func NewProgress(label string, total float64) *Progress {
	m := newModel(class{model: "FloatProgressModel", view: "ProgressView"}, &progressStyle, map[string]any{"value": 0.0, "min": 0.0,
		"max": total, "step": total / 100, "description": label, "orientation": "horizontal", "bar_style": "", "disabled": false})
	m.text = fmt.Sprintf("%s: 0 of %v", label, total)
	p := &Progress{model: m, total: total}
	p.redraw = display.NewRedraw(redrawInterval, func() { p.set("value", p.Value()) })
	return p
}

// Set says that done units are finished.
func (p *Progress) Set(done float64) {
	p.mu.Lock()
	p.value = done
	p.mu.Unlock()
	if done >= p.total {
		p.redraw.Now()
	} else {
		p.redraw.Changed()
	}
}

// Value returns how many units are finished.
func (p *Progress) Value() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.value
}

// Label is a line of text.
type Label struct{ *model }

// NewLabel returns a label.
func NewLabel(text string) *Label {
	m := newModel(class{model: "LabelModel", view: "LabelView"}, &textStyle,
		map[string]any{"value": text, "description": "", "placeholder": "", "disabled": false})
	m.text = text
	return &Label{m}
}

// Set changes the text.
func (l *Label) Set(text string) { l.set("value", text) }

// Button is something to click on.
type Button struct{ *model }

// NewButton returns a button; clicked is called for each click.
func NewButton(label string, clicked func()) *Button {
	m := newModel(class{model: "ButtonModel", view: "ButtonView"}, &buttonStyle,
		map[string]any{"description": label, "tooltip": "", "icon": "", "button_style": "", "disabled": false})
	m.text = "[" + label + "]"
	m.custom = func(content json.RawMessage) {
		var q struct {
			Event string `json:"event"`
		}
		if json.Unmarshal(content, &q) == nil && q.Event == "click" && clicked != nil {
			clicked()
		}
	}
	return &Button{m}
}

// Box holds widgets side by side or one below the other.
type Box struct{ *model }

// NewHBox returns a box with widgets side by side.
func NewHBox(children ...Widget) *Box { return newBox("HBox", " | ", children) }

// NewVBox returns a box with widgets one below the other.
func NewVBox(children ...Widget) *Box { return newBox("VBox", "\n", children) }

func newBox(kind, between string, children []Widget) *Box {
	m := newModel(class{model: kind + "Model", view: kind + "View"}, nil, map[string]any{"box_style": ""})
	m.children = []*model{}
	var texts []string
	for _, c := range children {
		m.children = append(m.children, c.inside())
		texts = append(texts, c.inside().text)
	}
	m.text = strings.Join(texts, between)
	return &Box{m}
}
