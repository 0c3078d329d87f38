package jupyter

import (
	"strings"

	"goalgap/kernel/display"
	"goalgap/kernel/worker"
)

// origin is what output belongs to: the request to execute a cell, or a message of a widget.
type origin struct {
	message *message
	silent  bool
	count   int
	input   bool   // whether the front end can ask the user
	line    string // what stands on the last line of the standard output
}

// withoutContent is what an answer needs of a request: its header and the way back.
func (m *message) withoutContent() *message {
	return &message{identities: m.identities, header: m.header, rawHeader: m.rawHeader}
}

// maxOrigins is how many runs are remembered, for output of goroutines that live longer than their cell.
const maxOrigins = 4096

// bind says that the output of a run belongs to o. k.mu is held.
func (k *Kernel) bind(run int64, o *origin) {
	k.origins[run] = o
	delete(k.origins, run-maxOrigins)
}

// originOf returns what the output of a run belongs to: what started it, or else the last cell; nil before any.
func (k *Kernel) originOf(run int64) *origin {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := k.origins[run]; o != nil {
		return o
	}
	return k.current
}

// event publishes what a cell puts out.
func (k *Kernel) event(e worker.Event) {
	o := k.originOf(e.Run)
	if o == nil {
		o = &origin{}
	}
	if e.Kind == "result" {
		k.mu.Lock()
		result := k.result
		k.mu.Unlock()
		if result != nil {
			result(e)
			return
		}
	}
	switch e.Kind {
	case "stdout", "stderr":
		if e.Kind == "stdout" {
			k.mu.Lock()
			o.line += e.Text
			o.line = o.line[strings.LastIndexByte(o.line, '\n')+1:]
			if len(o.line) > maxPrompt {
				o.line = o.line[:0]
			}
			k.mu.Unlock()
		}
		k.publish("stream", o.message, map[string]any{"name": e.Kind, "text": e.Text})
	case "result":
		k.history.result(o.count, e.Data[display.TypeText])
		if !o.silent {
			k.publish("execute_result", o.message, map[string]any{"execution_count": o.count, "data": orEmpty(e.Data), "metadata": orEmpty(e.Metadata)})
		}
	case "display":
		k.publish("display_data", o.message, map[string]any{"data": orEmpty(e.Data), "metadata": orEmpty(e.Metadata), "transient": orEmpty(e.Transient)})
	case "update":
		k.publish("update_display_data", o.message, map[string]any{"data": orEmpty(e.Data), "metadata": orEmpty(e.Metadata), "transient": orEmpty(e.Transient)})
	case "clear":
		k.publish("clear_output", o.message, map[string]any{"wait": e.Wait})
	}
}

// controlEvent is told what the worker puts out besides output.
func (k *Kernel) controlEvent(e worker.Event) {
	switch e.Kind {
	case "begin":
		k.mu.Lock()
		k.bind(e.Run, k.current)
		k.mu.Unlock()
	case "input":
		k.ask(e)
	default:
		k.commEvent(e)
	}
}
