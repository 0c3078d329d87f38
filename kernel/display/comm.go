package display

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
)

// Comm is a channel between a cell and code in the front end: what interactive widgets are made of. Messages go both
// ways at any time, also while a cell runs: what is called for one runs on a goroutine of its own, so data that cells
// use too needs a lock.
type Comm struct {
	ID     string
	Target string

	mu        sync.Mutex
	onMessage func(CommMessage)
	onClose   func(CommMessage)
	closed    bool
}

// CommMessage is what the front end sent.
type CommMessage struct {
	Data    json.RawMessage
	Buffers [][]byte // binary data beside the JSON
}

var (
	commsMu sync.Mutex
	comms   = map[string]*Comm{}
	targets = map[string]func(*Comm, CommMessage){}
)

// HandleComm says what happens when the front end opens a comm to a target: opened is called with it. A second call for
// the same target replaces the first; nil removes it.
func HandleComm(target string, opened func(c *Comm, m CommMessage)) {
	commsMu.Lock()
	defer commsMu.Unlock()
	if opened == nil {
		delete(targets, target)
		return
	}
	targets[target] = opened
}

// HasComms reports whether messages of the front end can set something going.
func HasComms() bool {
	commsMu.Lock()
	defer commsMu.Unlock()
	return len(comms)+len(targets) > 0
}

// OpenComm opens a comm to what the front end has under the name target. data, any JSON value, goes along.
func OpenComm(target string, data any) (*Comm, error) { return OpenCommWith("", target, data, nil) }

// OpenCommWith is OpenComm with an identifier (a new one if it is empty) and metadata for the message.
func OpenCommWith(id, target string, data any, metadata map[string]any) (*Comm, error) {
	if id == "" {
		b := make([]byte, 16)
		rand.Read(b)
		id = fmt.Sprintf("%x", b)
	}
	c := &Comm{ID: id, Target: target}
	commsMu.Lock()
	comms[id] = c
	commsMu.Unlock()
	if err := c.send("comm_open", data, metadata, nil); err != nil {
		c.forget()
		return nil, err
	}
	return c, nil
}

// Send sends data, any JSON value, and binary buffers to the front end.
func (c *Comm) Send(data any, buffers ...[]byte) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return fmt.Errorf("sending to comm %s: it is closed", c.ID)
	}
	return c.send("comm_msg", data, nil, buffers)
}

// OnMessage says what is called with each message of the front end.
func (c *Comm) OnMessage(f func(m CommMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onMessage = f
}

// OnClose says what is called when the front end closes the comm.
func (c *Comm) OnClose(f func(m CommMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onClose = f
}

// Close closes the comm. data, which may be nil, goes along.
func (c *Comm) Close(data any) error {
	if !c.forget() {
		return nil
	}
	if data == nil {
		data = struct{}{}
	}
	return c.send("comm_close", data, nil, nil)
}

// forget reports whether the comm was open.
func (c *Comm) forget() bool {
	commsMu.Lock()
	delete(comms, c.ID)
	commsMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	was := !c.closed
	c.closed = true
	return was
}

func (c *Comm) send(kind string, data any, metadata map[string]any, buffers [][]byte) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encoding the data of a %s to %s: %w", kind, c.Target, err)
	}
	d := Data{Data: MIMEMap{"comm_id": c.ID, "target_name": c.Target, "data": json.RawMessage(b)}, Metadata: metadata}
	if len(buffers) > 0 {
		d.Transient = MIMEMap{"buffers": buffers}
	}
	Send(Message{Kind: kind, Data: d})
	return nil
}

// ReceiveComm delivers a message of the front end: kind is comm_open, comm_msg or comm_close. It reports whether there is
// somebody for it. The worker process calls it; programs need not.
func ReceiveComm(kind, id, target string, m CommMessage) bool {
	commsMu.Lock()
	c := comms[id]
	opened := targets[target]
	if kind == "comm_open" && opened != nil {
		c = &Comm{ID: id, Target: target}
		comms[id] = c
	}
	commsMu.Unlock()
	if c == nil || kind == "comm_open" && opened == nil {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "what handles a %s of %q panicked: %v\n%s", kind, c.Target, p, debug.Stack())
		}
	}()
	c.mu.Lock()
	f := c.onMessage
	if kind == "comm_close" {
		f = c.onClose
	}
	c.mu.Unlock()
	switch {
	case kind == "comm_open":
		opened(c, m)
	case kind == "comm_close":
		c.forget()
		fallthrough
	default:
		if f != nil {
			f(m)
		}
	}
	return true
}

var dialect = "lab"

// SetWidgetDialect says which protocol the widgets of the front end speak: "lab", that of JupyterLab and Notebook 7, or
// "classic", that of the classic notebook before ipywidgets 7. The worker process calls it.
func SetWidgetDialect(name string) {
	commsMu.Lock()
	defer commsMu.Unlock()
	dialect = name
}

// WidgetDialect returns what SetWidgetDialect has set, "lab" at first.
func WidgetDialect() string {
	commsMu.Lock()
	defer commsMu.Unlock()
	return dialect
}
