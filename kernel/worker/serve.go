package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"plugin"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"goalgap/kernel/display"
	"goalgap/kernel/worker/cell"
)

// Grace is how long a cell may take to notice an interrupt before the worker stops waiting for it.
const Grace = 1500 * time.Millisecond

// server is the worker's side of the pipe.
type server struct {
	mu        sync.Mutex
	out       *json.Encoder
	streams   [2]*os.File // copies of the standard output and error: a cell may close them, or put others in their place
	opened    []*os.File
	mark      int64
	loaded    map[string]bool // plugins, by the cell's name for the file
	abandoned map[int64]bool  // runs that were left behind
	joined    map[string]bool // those whose tables of methods are the known ones, by the file itself
	current   int64
	stop      chan struct{} // closed when the current cell is interrupted
	early     int64         // run that was interrupted before it began
	stuck     chan *Error   // takes why the current cell is left behind
	stdin     *stdin
}

// Serve runs cells as the kernel asks for them, until the kernel closes the pipe. It is the whole of the worker's main
// function: requests come from in, messages go to out.
func Serve(in io.Reader, out io.Writer) error {
	streams, err := keptOutputs()
	if err != nil {
		return err
	}
	s := &server{out: json.NewEncoder(out), streams: streams, loaded: map[string]bool{}, joined: map[string]bool{}, abandoned: map[int64]bool{}}
	s.stdin = newStdin(func(r reply) { s.send(r, true) })
	display.SetAsk(s.stdin.question)
	display.SetSink(func(m display.Message) { s.send(reply{Op: "display", Message: toWire(m)}, true) })
	cell.Display = display.Display
	cell.SetMark(func() { s.send(reply{Op: "turn"}, true) })
	cell.SetShow(func(values ...any) {
		if s.isAbandoned(origin()) {
			runtime.Goexit() // the call that it waited in has ended, and the cell has failed long ago
		}
		display.Send(display.Message{Kind: "result", Data: display.Values(values...)})
	})
	cell.SetRenew(renew)
	Handle("quiet", s.quiet)
	Handle("deadlock", s.deadlock)
	Handle("stacks", stacks)
	cell.SetOverflowed(s.overflowed)
	s.send(reply{Op: "ready"}, false)

	runs := make(chan request)
	go func() {
		for r := range runs {
			s.run(r)
		}
	}()
	scanner := bufio.NewReader(in)
	decoder := json.NewDecoder(scanner)
	for {
		var r request
		if err := decoder.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading the kernel's request: %w", err)
		}
		switch r.Op {
		case "run":
			runs <- r
		case "interrupt":
			s.interrupt(r.ID)
		case "call":
			go s.call(r)
		case "input":
			var text string
			if json.Unmarshal(r.Data, &text) == nil {
				s.stdin.answered(r.ID, text)
			}
		}
	}
}

// send writes a message, after marks in the output streams if it has to stand in order with them.
func (s *server) send(r reply, ordered bool) {
	from := origin()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ID == 0 {
		r.ID = from
	}
	if r.ID == 0 {
		r.ID = s.current
	}
	if ordered {
		s.mark++
		r.Mark = s.mark
		m := fmt.Sprintf("%s%d%c", markStart, s.mark, markEnd)
		for _, f := range s.streams {
			f.WriteString(m)
		}
	}
	if err := s.out.Encode(r); err != nil {
		// What a method like JSON() returned cannot be encoded: say so in its place.
		var unsupported *json.UnsupportedTypeError
		var value *json.UnsupportedValueError
		var marshaler *json.MarshalerError
		if r.Message == nil || !(errors.As(err, &unsupported) || errors.As(err, &value) || errors.As(err, &marshaler)) {
			os.Exit(3) // the kernel is gone
		}
		r.Message.Data = map[string]any{display.TypeText: fmt.Sprintf("this value cannot be shown: %v", err)}
		s.out.Encode(r)
	}
}

func (s *server) run(r request) {
	s.mu.Lock()
	s.current = r.ID
	s.stop = make(chan struct{})
	s.stuck = make(chan *Error, 1)
	stop, stuck := s.stop, s.stuck
	if s.early == r.ID {
		close(s.stop)
	}
	s.mu.Unlock()
	s.reopenOutputs()
	s.stdin.begin(r.ID, r.Input)

	done := make(chan *Error, 1)
	go func() {
		// Goexit (a cell may call it) must not leave the kernel waiting.
		var result *Error
		finished := false
		defer func() {
			if !finished {
				result = &Error{Name: "exit", Value: "the cell called runtime.Goexit"}
			}
			done <- result
		}()
		result = s.execute(r)
		finished = true
	}()

	var result *Error
	select {
	case result = <-done:
	case <-stop:
		result = s.awaitInterrupted(done)
	case result = <-stuck:
		cell.Insist() // should it go on one day, it stops
	}
	if result == nil && cell.Killed() {
		// What the cell waited for was stopped by the interrupt, and so it came to its end.
		result = &Error{Name: "interrupted", Value: "the cell was interrupted"}
	}
	if result != nil && result.Abandoned {
		s.mu.Lock()
		s.abandoned[r.ID] = true
		s.mu.Unlock()
	}
	s.reopenOutputs()
	drawPending()
	cell.Finish()
	if s.stdin.end() && (result == nil || result.Name == "error") {
		result = &Error{Name: "interrupted", Value: "the cell was interrupted while it waited for input"}
	}
	s.send(reply{Op: "done", ID: r.ID, Error: result}, true)
}

// isAbandoned reports whether a run was left behind.
func (s *server) isAbandoned(run int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.abandoned[run]
}

// drawPending lets displays that change quickly show their last state. What draws may be code of the user's.
func drawPending() {
	drawn := make(chan struct{})
	go func() {
		defer close(drawn)
		defer func() { recover() }()
		display.DrawPending()
	}()
	select {
	case <-drawn:
	case <-time.After(time.Second):
	}
}

// interruptAgain is how long the deferred functions of an interrupted cell may take. Then the cell cannot go on any more,
// should it have recovered from the panic.
const interruptAgain = 250 * time.Millisecond

// awaitInterrupted waits for an interrupted cell to end, for the length of Grace.
func (s *server) awaitInterrupted(done <-chan *Error) *Error {
	again := time.After(interruptAgain)
	grace := time.After(Grace)
	for {
		select {
		case result := <-done:
			return result
		case <-again:
			cell.Insist()
		case <-grace:
			return &Error{Name: "interrupted", Abandoned: true,
				Value: "the cell did not stop (it waits in a call that cannot be interrupted); it was left behind in the background and variables are kept"}
		}
	}
}

func (s *server) execute(r request) (result *Error) {
	mark(r.ID)
	cell.Begin()
	defer func() {
		if p := recover(); p != nil {
			result = describe(p)
		}
	}()
	if r.Data != nil {
		return evaluate(r.Data)
	}
	for _, file := range r.Files {
		if s.loaded[file] {
			continue
		}
		if _, err := plugin.Open(file); err != nil {
			return &Error{Name: "load", Value: fmt.Sprintf("loading the compiled cell: %v", err)}
		}
		s.loaded[file] = true
		s.useKnownTables(file)
	}
	run, ok := cell.Lookup(r.Cell)
	if !ok {
		return &Error{Name: "load", Value: fmt.Sprintf("the compiled cell %s did not register itself", r.Cell)}
	}
	run()
	return nil
}

func describe(p any) *Error {
	e := &Error{Name: "panic"}
	if _, deep := p.(cell.Overflow); deep {
		e.Stack = innermost(20)
	} else {
		e.Stack = string(debug.Stack())
	}
	switch p := p.(type) {
	case cell.Interrupted:
		e.Name, e.Value = "interrupted", "the cell was interrupted"
	case cell.Overflow:
		e.Value = OverflowText
	case cell.Failure:
		e.Name, e.Value = "error", text(p.Err.Error)
	case error:
		e.Value = text(p.Error)
	case fmt.Stringer:
		e.Value = text(p.String)
	default:
		e.Value = strings.TrimSpace(fmt.Sprint(p))
	}
	return e
}

// text calls a method of the user's, which may itself panic.
func text(method func() string) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprintf("(the value's own text cannot be had: %v)", p)
		}
	}()
	return method()
}

func (s *server) interrupt(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil || s.current != id {
		s.early = max(s.early, id) // the run is on its way
		return
	}
	select {
	case <-s.stop: // a second interrupt of the same cell
	default:
		close(s.stop)
	}
	cell.Interrupt()
	s.stdin.interrupt()
}
