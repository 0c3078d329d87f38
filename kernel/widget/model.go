// Package widget draws controls in a notebook: sliders, buttons, progress bars, and boxes that hold them. A cell shows
// them like any value; what the user does to them calls functions of the cell, also while other cells run.
//
//	rate := widget.NewSlider("rate", 0.0, 1, 0.1).OnChange(func(v float64) { … })
//	widget.NewHBox(rate, widget.NewLabel("of learning"))
//
// The functions are called on goroutines of their own, one after the other for each widget. They end the cell's quiet, so
// variables that cells use too need a lock.
//
// The widgets are those of ipywidgets, which the front end has to have: version 7 in JupyterLab and Notebook, or the one
// before in the classic notebook. Elsewhere a line of text stands in their place.
package widget

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"sync"

	"goalgap/kernel/display"
)

// A Widget is something that this package made.
type Widget interface {
	display.Renderer
	inside() *model
}

// class is what the front end calls a kind of widget.
type class struct {
	model, view string
	base        bool // whether JupyterLab has the model in the package of the basic parts
	baseView    bool // and the view
}

var (
	layoutClass   = class{"LayoutModel", "LayoutView", true, true}
	sliderStyle   = class{"SliderStyleModel", "StyleView", false, true}
	progressStyle = class{"ProgressStyleModel", "StyleView", false, true}
	textStyle     = class{"DescriptionStyleModel", "StyleView", false, true}
	buttonStyle   = class{"ButtonStyleModel", "StyleView", false, true}
)

// model is a widget's state, which the front end has too.
type model struct {
	class    class
	style    *model // may be nil
	layout   *model
	children []*model
	text     string // what it is called where it cannot be drawn

	mu      sync.Mutex
	state   map[string]any
	comm    *display.Comm // nil until the widget is shown
	dialect string
	changed func(state map[string]json.RawMessage)
	custom  func(content json.RawMessage)
}

func newModel(c class, style *class, state map[string]any) *model {
	m := &model{class: c, state: state, layout: &model{class: layoutClass, state: map[string]any{}}}
	if style != nil {
		s := map[string]any{}
		switch *style {
		case sliderStyle:
			s["handle_color"], s["description_width"] = nil, ""
		case progressStyle:
			s["bar_color"], s["description_width"] = nil, ""
		case textStyle:
			s["description_width"] = ""
		case buttonStyle:
			s["button_color"], s["font_weight"] = nil, ""
		}
		m.style = &model{class: *style, state: s}
	}
	return m
}

func (m *model) inside() *model { return m }

func reference(m *model) string { return "IPY_MODEL_" + m.comm.ID }

// opened makes the model known to the front end, with the models that it refers to first, and returns its comm.
func (m *model) opened(dialect string) (*display.Comm, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.comm != nil {
		return m.comm, nil
	}
	parts := m.children
	if m.layout != nil {
		parts = append(parts[:len(parts):len(parts)], m.layout)
	}
	// The bars of the classic notebook have no style of their own, nor do its labels.
	styled := m.style != nil && (dialect != "classic" || m.style.class == sliderStyle || m.style.class == buttonStyle)
	if styled {
		parts = append(parts[:len(parts):len(parts)], m.style)
	}
	for _, p := range parts {
		if _, err := p.opened(dialect); err != nil {
			return nil, err
		}
	}
	state := maps.Clone(m.state)
	if m.layout != nil {
		state["layout"] = reference(m.layout)
		state["_dom_classes"] = []string{}
	}
	if styled {
		state["style"] = reference(m.style)
	}
	if m.children != nil {
		list := []string{}
		for _, c := range m.children {
			list = append(list, reference(c))
		}
		state["children"] = list
	}
	m.dialect = dialect
	var data any
	var metadata map[string]any
	if dialect == "classic" {
		model := m.class.model
		if model == "FloatProgressModel" {
			model = "ProgressModel"
		}
		maps.Copy(state, map[string]any{
			"_model_module": "jupyter-js-widgets", "_model_module_version": "~2.1.4", "_model_name": model,
			"_view_module": "jupyter-js-widgets", "_view_module_version": "~2.1.4", "_view_name": m.class.view, "msg_throttle": 1,
		})
		data = state
	} else {
		pkg := func(base bool) (string, string) {
			if base {
				return "@jupyter-widgets/base", "1.2.0"
			}
			return "@jupyter-widgets/controls", "1.5.0"
		}
		state["_model_name"], state["_view_name"], state["_view_count"] = m.class.model, m.class.view, nil
		state["_model_module"], state["_model_module_version"] = pkg(m.class.base)
		state["_view_module"], state["_view_module_version"] = pkg(m.class.baseView)
		data = map[string]any{"state": state, "buffer_paths": []string{}}
		metadata = map[string]any{"version": "2.0.0"}
	}
	maps.Copy(m.state, state)
	c, err := display.OpenCommWith("", "jupyter.widget", data, metadata)
	if err != nil {
		return nil, err
	}
	c.OnMessage(m.receive)
	c.OnClose(func(display.CommMessage) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.comm = nil // it can be shown again
	})
	m.comm = c
	return c, nil
}

// Render shows the widget.
func (m *model) Render() display.Data {
	dialect := display.WidgetDialect()
	c, err := m.opened(dialect)
	if err != nil {
		return display.Text(fmt.Sprintf("this widget cannot be shown: %v", err))
	}
	text := m.text
	if dialect == "classic" {
		// That page draws the widget upon a message, and would show the text beside it.
		c.Send(map[string]any{"method": "display"})
		text = ""
	}
	return display.Data{Data: display.MIMEMap{
		"application/vnd.jupyter.widget-view+json": map[string]any{"version_major": 2, "version_minor": 0, "model_id": c.ID},
		display.TypeText: text,
	}}
}

// Close removes the widget from the page.
func (m *model) Close() error {
	m.mu.Lock()
	c := m.comm
	m.comm = nil
	m.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.Close(nil)
}

// set changes a part of the state, here and on the page.
func (m *model) set(key string, value any) {
	m.mu.Lock()
	m.state[key] = value
	c := m.comm
	m.mu.Unlock()
	if c != nil {
		m.send(map[string]any{key: value})
	}
}

func (m *model) send(state map[string]any) {
	m.mu.Lock()
	c, dialect := m.comm, m.dialect
	m.mu.Unlock()
	if c == nil {
		return
	}
	buffers := "buffer_paths"
	if dialect == "classic" {
		buffers = "buffers"
	}
	if err := c.Send(map[string]any{"method": "update", "state": state, buffers: []string{}}); err != nil {
		fmt.Fprintln(os.Stderr, "widget:", err)
	}
}

// receive takes a message of the page.
func (m *model) receive(msg display.CommMessage) {
	var q struct {
		Method  string                     `json:"method"`
		State   map[string]json.RawMessage `json:"state"`
		Sync    map[string]json.RawMessage `json:"sync_data"` // the classic notebook's name for it
		Content json.RawMessage            `json:"content"`
	}
	if err := json.Unmarshal(msg.Data, &q); err != nil {
		fmt.Fprintln(os.Stderr, "widget: a message of the page cannot be read:", err)
		return
	}
	switch q.Method {
	case "update", "backbone":
		state := q.State
		if q.Method == "backbone" {
			state = q.Sync
		}
		m.mu.Lock()
		for k, v := range state {
			m.state[k] = v
		}
		f := m.changed
		m.mu.Unlock()
		if f != nil {
			f(state)
		}
	case "request_state":
		m.mu.Lock()
		state := maps.Clone(m.state)
		m.mu.Unlock()
		m.send(state)
	case "custom":
		m.mu.Lock()
		f := m.custom
		m.mu.Unlock()
		if f != nil {
			f(q.Content)
		}
	}
}
