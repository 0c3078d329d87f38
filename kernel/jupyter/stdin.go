package jupyter

import (
	"encoding/json"
	"log"

	"goalgap/kernel/worker"
)

// maxPrompt is how long a line may be that is taken for the prompt of the input which follows it.
const maxPrompt = 200

// asked is a question that the front end has been asked and has not answered.
type asked struct {
	client *worker.Client
	number int64
	id     string // of the input_request
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
	k.asked = &asked{client, e.Question.Number, h.ID}
	k.mu.Unlock()
	k.stdin.Send(frames)
}

// endInput forgets the question that waits: what answers it from now on comes too late.
func (k *Kernel) endInput() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = nil
}

// inputReply passes the user's answer on. Most front ends do not say which question it answers; one that says so and
// means an earlier one is not heard.
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
	late := a == nil || m.parentID != "" && m.parentID != a.id && k.current != nil && m.parentID != k.current.message.header.ID
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
