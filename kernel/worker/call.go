package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// handlers are what the kernel can call in the worker besides running cells, by name.
var (
	handlersMu sync.Mutex
	handlers   = map[string]func(json.RawMessage) (any, error){}
)

// Handle makes f callable from the kernel's end by Client.Call. The calls are served while cells run, each on a
// goroutine of its own.
func Handle[In, Out any](name string, f func(In) (Out, error)) {
	handlersMu.Lock()
	defer handlersMu.Unlock()
	handlers[name] = func(data json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(data, &in); err != nil {
			return nil, fmt.Errorf("reading the argument of %s: %w", name, err)
		}
		return f(in)
	}
}

// call serves one call.
func (s *server) call(r request) {
	handlersMu.Lock()
	f := handlers[r.Name]
	handlersMu.Unlock()
	answer := reply{Op: "answer", ID: r.ID}
	out, err := any(nil), fmt.Errorf("the worker knows no call %q", r.Name)
	if f != nil {
		out, err = s.callOn(f, r)
	}
	if err == nil {
		answer.Data, err = json.Marshal(out)
	}
	if err != nil {
		answer.Error = &Error{Name: "call", Value: err.Error()}
	}
	s.send(answer, false)
}

// callOn calls f on a goroutine of its own, as code of the user's may end it or panic. What it puts out belongs to r.Run.
func (s *server) callOn(f func(json.RawMessage) (any, error), r request) (out any, err error) {
	err = fmt.Errorf("%s was stopped", r.Name)
	if r.Run != 0 {
		s.send(reply{Op: "enter", ID: r.Run}, true)
		defer func() { s.send(reply{Op: "leave", ID: r.Run}, true) }()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%s panicked: %v", r.Name, p)
			}
		}()
		if r.Run != 0 {
			mark(r.Run)
		}
		out, err = f(r.Data)
	}()
	<-done
	return out, err
}

var errGone = errors.New("the worker is gone")

// Call calls what the worker has under a name, with the argument in, and stores the result in out unless that is nil.
func (c *Client) Call(name string, in, out any) error { return c.CallFor(0, name, in, out) }

// CallFor is Call with a number from NewRun, to which what is put out meanwhile belongs: what is shown by the called
// code, and text while no cell runs.
func (c *Client) CallFor(run int64, name string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("calling %s in the worker: %w", name, err)
	}
	done := make(chan reply, 1)
	c.mu.Lock()
	c.nextCall++
	id := c.nextCall
	c.calls[id] = done
	c.mu.Unlock()
	if err := c.write(request{Op: "call", ID: id, Name: name, Data: data, Run: run}); err != nil {
		return errGone
	}
	select {
	case r := <-done:
		switch {
		case r.Error != nil:
			return errors.New(r.Error.Value)
		case out == nil:
			return nil
		}
		return json.Unmarshal(r.Data, out)
	case <-c.exited:
		return errGone
	}
}

// answered delivers the result of a call.
func (c *Client) answered(r reply) {
	c.mu.Lock()
	done := c.calls[r.ID]
	delete(c.calls, r.ID)
	c.mu.Unlock()
	if done != nil {
		done <- r
	}
}
