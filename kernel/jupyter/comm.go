package jupyter

import (
	"encoding/base64"
	"encoding/json"
	"log"
	"maps"
	"slices"
	"sync"

	"goalgap/kernel/worker"
)

// comm is an open comm. What the front end sends to it is delivered in order, also while a cell runs.
type comm struct {
	target string
	client *worker.Client

	mu      sync.Mutex
	pending []func()
	busy    bool
}

// do calls f after what was given to it before.
func (c *comm) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, f)
	if c.busy {
		return
	}
	c.busy = true
	go func() {
		for {
			c.mu.Lock()
			if len(c.pending) == 0 {
				c.busy = false
				c.mu.Unlock()
				return
			}
			f := c.pending[0]
			c.pending = c.pending[1:]
			c.mu.Unlock()
			f()
		}
	}()
}

// commContent is the content of a comm_open, comm_msg or comm_close.
type commContent struct {
	ID     string          `json:"comm_id"`
	Target string          `json:"target_name"`
	Data   json.RawMessage `json:"data"`
}

func readComm(m *message) (commContent, bool) {
	var q commContent
	if err := json.Unmarshal(m.content, &q); err != nil || q.ID == "" {
		log.Printf("goalgap: a %s without a comm_id was ignored", m.header.Type)
		return q, false
	}
	return q, true
}

// commOpen opens a comm for the front end, if a cell has said what is to happen, and closes it otherwise.
func (k *Kernel) commOpen(m *message) {
	q, ok := readComm(m)
	if !ok {
		return
	}
	k.mu.Lock()
	client := k.client
	// What a page asks for first tells which protocol its widgets speak.
	switch q.Target {
	case "jupyter.widget.version":
		k.dialect = "classic"
	case "jupyter.widget.control":
		k.dialect = "lab"
	}
	k.mu.Unlock()
	known := false
	if client != nil {
		k.tellDialect(client)
		k.mu.Lock()
		k.comms[q.ID] = &comm{target: q.Target, client: client}
		k.mu.Unlock()
		known = k.deliver(client, "comm_open", q, m)
	}
	if !known {
		k.mu.Lock()
		delete(k.comms, q.ID)
		k.mu.Unlock()
		k.publish("comm_close", m, map[string]any{"comm_id": q.ID, "data": struct{}{}})
	}
}

// commNow takes a message for an open comm. It reports false for one that has to wait for its turn, as the request that
// opens the comm may stand in front of it.
func (k *Kernel) commNow(m *message) bool {
	var q commContent
	if json.Unmarshal(m.content, &q) != nil {
		return false
	}
	k.mu.Lock()
	c := k.comms[q.ID]
	if c != nil && m.header.Type == "comm_close" {
		delete(k.comms, q.ID)
	}
	k.mu.Unlock()
	if c == nil {
		return false
	}
	c.do(func() {
		k.status(m, "busy")
		defer k.status(m, "idle")
		k.deliver(c.client, m.header.Type, q, m)
	})
	return true
}

// deliver calls what the worker has for a message. What it puts out belongs to the message.
func (k *Kernel) deliver(client *worker.Client, kind string, q commContent, m *message) (known bool) {
	run := worker.NewRun()
	k.mu.Lock()
	count := k.count
	k.bind(run, &origin{message: m.withoutContent(), count: count})
	k.mu.Unlock()
	if err := client.CallFor(run, "comm", worker.CommMessage{Kind: kind, ID: q.ID, Target: q.Target, Data: q.Data, Buffers: m.buffers}, &known); err != nil {
		log.Printf("goalgap: delivering a %s: %v", kind, err)
	}
	return known
}

// commEvent publishes what a cell sends over a comm.
func (k *Kernel) commEvent(e worker.Event) {
	id, _ := e.Data["comm_id"].(string)
	target, _ := e.Data["target_name"].(string)
	if id == "" {
		return // its data could not be encoded
	}
	content := map[string]any{"comm_id": id, "data": e.Data["data"]}
	k.mu.Lock()
	switch e.Kind {
	case "comm_open":
		k.comms[id] = &comm{target: target, client: k.client}
		content["target_name"] = target
	case "comm_close":
		delete(k.comms, id)
	}
	k.mu.Unlock()
	var buffers [][]byte
	list, _ := e.Transient["buffers"].([]any)
	for _, b := range list {
		text, _ := b.(string)
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			log.Printf("goalgap: a buffer of a %s cannot be read: %v", e.Kind, err)
		}
		buffers = append(buffers, decoded)
	}
	var parent *message
	if o := k.originOf(e.Run); o != nil {
		parent = o.message
	}
	k.publishWith(e.Kind, parent, orEmpty(e.Metadata), content, buffers...)
}

// commInfo lists the open comms.
func (k *Kernel) commInfo(content json.RawMessage) any {
	var q struct {
		Target string `json:"target_name"`
	}
	json.Unmarshal(content, &q)
	k.mu.Lock()
	defer k.mu.Unlock()
	list := map[string]any{}
	for id, c := range k.comms {
		if q.Target == "" || q.Target == c.target {
			list[id] = map[string]any{"target_name": c.target}
		}
	}
	return map[string]any{"status": "ok", "comms": list}
}

// attach makes this kernel the one that hears of what cells do in the present worker. The comms of an earlier one are
// closed: what they belonged to is gone.
func (k *Kernel) attach(input bool) {
	e, ok := k.engine.(interface{ Worker() *worker.Client })
	if !ok {
		return
	}
	client := e.Worker()
	if client == nil {
		return
	}
	client.Control(k.controlEvent, input)
	k.mu.Lock()
	changed := k.client != client
	k.client = client
	var lost []string
	var parent *message
	if changed {
		lost = slices.Sorted(maps.Keys(k.comms))
		clear(k.comms)
	}
	if k.current != nil {
		parent = k.current.message
	}
	k.mu.Unlock()
	if changed {
		k.tellDialect(client)
	}
	for _, id := range lost {
		k.publish("comm_close", parent, map[string]any{"comm_id": id, "data": struct{}{}})
	}
}

// tellDialect tells the worker which protocol the widgets of the front end speak, where that is known.
func (k *Kernel) tellDialect(client *worker.Client) {
	k.mu.Lock()
	dialect := k.dialect
	k.mu.Unlock()
	if dialect == "" {
		return
	}
	if err := client.Call("dialect", dialect, nil); err != nil {
		log.Print("goalgap: telling the worker which front end there is: ", err)
	}
}
