// Package worker is the process that loads compiled cells and runs them, and the kernel's end of the pipe to it.
//
// The kernel process compiles; the worker process runs what was compiled. So whatever kills a process (a stack overflow,
// os.Exit, a fatal error of the runtime, lack of memory) kills only the worker, and the kernel can say what happened.
// Three pipes lead from the worker to the kernel: its standard output, its standard error and a channel of JSON
// messages; one leads to it. Before a message that must stand in order with the printed text, the worker writes a mark
// into both output streams, and the kernel delivers the message when it has read both marks.
package worker

import (
	"encoding/json"

	"goalgap/kernel/display"
)

// request is what the kernel tells the worker.
type request struct {
	Op    string          `json:"op"` // "run", "interrupt", "call" or "input"
	ID    int64           `json:"id,omitempty"`
	Files []string        `json:"files,omitempty"` // plugins to load first, in this order
	Cell  string          `json:"cell,omitempty"`  // package path of the cell to run
	Name  string          `json:"name,omitempty"`  // of what is called
	Data  json.RawMessage `json:"data,omitempty"`  // its argument; of "input" the answer, a string
	Run   int64           `json:"run,omitempty"`   // of a call: what its output belongs to
	Input bool            `json:"input,omitempty"` // of a run: whether the user can be asked
}

// reply is what the worker tells the kernel.
type reply struct {
	Op      string          `json:"op"` // "ready", "display", "done", "answer", "input", "enter", "leave" or "turn" (only a mark)
	ID      int64           `json:"id,omitempty"`
	Mark    int64           `json:"mark,omitempty"` // position in the output streams
	Message *message        `json:"message,omitempty"`
	Error   *Error          `json:"error,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"` // result of a call; of "input" the question
}

// message is a display.Message on the wire.
type message struct {
	Kind      string         `json:"kind"`
	Data      map[string]any `json:"data,omitempty"`
	Metadata  map[string]any `json:"metadata,omitempty"`
	Transient map[string]any `json:"transient,omitempty"`
	Wait      bool           `json:"wait,omitempty"`
}

func toWire(m display.Message) *message {
	return &message{Kind: m.Kind, Data: m.Data.Data, Metadata: m.Data.Metadata, Transient: m.Data.Transient, Wait: m.Wait}
}

// Error says how a cell failed.
type Error struct {
	Name  string `json:"name"`  // "panic", "error", "interrupted", "exit", …
	Value string `json:"value"` // one line
	// Stack is the trace of the goroutine that failed, as the runtime prints it; empty for errors of calls.
	Stack string `json:"stack,omitempty"`
	// Abandoned: the cell did not react to an interrupt and goes on in the background.
	Abandoned bool `json:"abandoned,omitempty"`
	// Died: the worker process is gone, and with it all variables.
	Died bool `json:"died,omitempty"`
}

func (e *Error) Error() string { return e.Name + ": " + e.Value }

// Marks in the output streams: a byte sequence that text does not contain, a number, a final byte.
const (
	markStart = "\x00\x1fgoalgap:"
	markEnd   = '\x1f'
)
