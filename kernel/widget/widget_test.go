package widget

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"goalgap/kernel/display"
)

// page records what reaches the front end.
func page(t *testing.T, dialect string) *[]display.Message {
	t.Helper()
	var list []display.Message
	display.SetWidgetDialect(dialect)
	display.SetSink(func(m display.Message) { list = append(list, m) })
	return &list
}

func state(t *testing.T, m display.Message) map[string]any {
	t.Helper()
	var d map[string]any
	b, err := json.Marshal(m.Data.Data["data"])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if s, ok := d["state"].(map[string]any); ok {
		return s
	}
	return d
}

func names(t *testing.T, list []display.Message) string {
	t.Helper()
	var n []string
	for _, m := range list {
		if m.Kind == "comm_open" {
			n = append(n, fmt.Sprint(state(t, m)["_model_module"], " ", state(t, m)["_model_name"]))
		}
	}
	return strings.Join(n, ", ")
}

func TestPartsAreOpenedBeforeTheWhole(t *testing.T) {
	list := page(t, "lab")
	d := NewHBox(NewSlider("n", 0, 10, 5), NewProgress("p", 3)).Render()
	want := "@jupyter-widgets/base LayoutModel, @jupyter-widgets/controls SliderStyleModel, @jupyter-widgets/controls IntSliderModel, " +
		"@jupyter-widgets/base LayoutModel, @jupyter-widgets/controls ProgressStyleModel, @jupyter-widgets/controls FloatProgressModel, " +
		"@jupyter-widgets/base LayoutModel, @jupyter-widgets/controls HBoxModel"
	if got := names(t, *list); got != want {
		t.Errorf("opened\n%s, not\n%s", got, want)
	}
	last := (*list)[len(*list)-1]
	view, _ := d.Data["application/vnd.jupyter.widget-view+json"].(map[string]any)
	if view["model_id"] != last.Data.Data["comm_id"] || last.Data.Metadata["version"] != "2.0.0" {
		t.Errorf("shown is %v, opened %v", view, last.Data)
	}
	ref := fmt.Sprint(state(t, last)["children"].([]any)[0])
	if ref != "IPY_MODEL_"+fmt.Sprint((*list)[2].Data.Data["comm_id"]) {
		t.Errorf("the box refers to %s", ref)
	}
}

func TestTheClassicNotebookGetsItsOwnProtocol(t *testing.T) {
	list := page(t, "classic")
	p := NewProgress("p", 3)
	p.Render()
	p.Set(3)
	if got := names(t, *list); got != "jupyter-js-widgets LayoutModel, jupyter-js-widgets ProgressModel" {
		t.Errorf("opened %s", got)
	}
	n := len(*list)
	shown, _ := json.Marshal((*list)[n-2].Data.Data["data"])
	update, _ := json.Marshal((*list)[n-1].Data.Data["data"])
	if string(shown) != `{"method":"display"}` || string(update) != `{"buffers":[],"method":"update","state":{"value":3}}` {
		t.Errorf("sent %s and %s", shown, update)
	}
}

func TestWhatTheUserDoesReachesTheCell(t *testing.T) {
	for dialect, message := range map[string]string{
		"lab":     `{"method":"update","state":{"value":0.75},"buffer_paths":[]}`,
		"classic": `{"method":"backbone","sync_data":{"value":0.75},"buffer_keys":[]}`,
	} {
		list := page(t, dialect)
		var got []float64
		s := NewSlider("x", 0.0, 1, 0.5).OnChange(func(v float64) { got = append(got, v) })
		s.Render()
		for range 2 { // the same value again is no change
			display.ReceiveComm("comm_msg", s.comm.ID, "", display.CommMessage{Data: json.RawMessage(message)})
		}
		if s.Value() != 0.75 || len(got) != 1 || got[0] != 0.75 {
			t.Errorf("%s: the value is %v, calls %v", dialect, s.Value(), got)
		}
		clicks := 0
		b := NewButton("go", func() { clicks++ })
		b.Render()
		display.ReceiveComm("comm_msg", b.comm.ID, "", display.CommMessage{Data: json.RawMessage(`{"method":"custom","content":{"event":"click"}}`)})
		if clicks != 1 {
			t.Errorf("%s: %d clicks", dialect, clicks)
		}
		display.ReceiveComm("comm_msg", s.comm.ID, "", display.CommMessage{Data: json.RawMessage(`{"method":"request_state"}`)})
		if st := state(t, (*list)[len(*list)-1]); st["value"] != 0.75 || st["_model_name"] != "FloatSliderModel" {
			t.Errorf("%s: the page asked for the state and got %v", dialect, st)
		}
	}
}
