package jupyter

import (
	"encoding/json"
	"log"
	"time"

	"goalgap/kernel/worker"
)

// maxPrompt is how long a line may be that is taken for the prompt of the input which follows it.
const maxPrompt = 200

// asked is a question that the front end has been asked and has not answered.
type asked struct {
	client *worker.Client
	number int64
	id     string // of the input_request
	cell   header // of the request that runs the cell
}

// answeredBy reports whether m may be the answer. Most front ends do not say which question they answer; one that says so
// and means an earlier one is not heard. Nor is what was sent before the cell was: it comes by another socket than the
// cell, and so it may arrive behind it.
func (a *asked) answeredBy(m *message) bool {
	if m.parentID != "" && m.parentID != a.id && m.parentID != a.cell.ID {
		return false
	}
	if m.header.Session != a.cell.Session {
		return true // another clock
	}
	sent, err := time.Parse(time.RFC3339Nano, m.header.Date)
	started, err2 := time.Parse(time.RFC3339Nano, a.cell.Date)
	return err != nil || err2 != nil || !sent.Before(started)
}

// ask passes a cell's question to the front end that runs the cell.
func (k *Kernel) ask(e worker.Event) {
	o := k.originOf(e.Run)
	if o == nil || !o.input {
		return // the worker does not ask then
	}
	k.mu.Lock()
	prompt := e.Question.Prompt
	if prompt == "" {
		prompt = o.line
	}
	client := k.client
	k.mu.Unlock()
	frames, err := k.signer.encode(k.session, o.message.identities, "input_request", o.message, nil,
		map[string]any{"prompt": prompt, "password": e.Question.Password})
	if err != nil {
		log.Print("goalgap: asking for input: ", err)
		return
	}
	var h header
	json.Unmarshal(frames[len(o.message.identities)+2], &h)
	k.mu.Lock()
	k.asked = &asked{client, e.Question.Number, h.ID, o.message.header}
	k.mu.Unlock()
	k.stdin.Send(frames)
}

// endInput forgets the question that waits: what answers it from now on comes too late.
func (k *Kernel) endInput() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = nil
}

// inputReply passes the user's answer on.
func (k *Kernel) inputReply(m *message) {
	if m.header.Type != "input_reply" {
		return
	}
	var q struct {
		Value *string `json:"value"`
	}
	if err := json.Unmarshal(m.content, &q); err != nil || q.Value == nil {
		log.Print("goalgap: an input_reply without a value was ignored")
		return
	}
	k.mu.Lock()
	a := k.asked
	late := a == nil || !a.answeredBy(m)
	if !late {
		k.asked = nil
		if k.current != nil {
			k.current.line = "" // the answer ended it
		}
	}
	k.mu.Unlock()
	if !late {
		a.client.Answer(a.number, *q.Value)
	}
}
