package worker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An Event is something that a running cell put out.
type Event struct {
	// "stdout", "stderr", "display", "update", "clear" or "result"; to Control also "begin" (a run begins), "input" and
	// the messages of comms, "comm_open", "comm_msg" and "comm_close".
	Kind      string
	Text      string // stdout, stderr
	Data      map[string]any
	Metadata  map[string]any
	Transient map[string]any
	Wait      bool
	Run       int64 // what it belongs to: the run that started the goroutine, or the current one
	Question  Question
}

// Question is what a cell wants the user to answer.
type Question struct {
	Prompt   string
	Password bool
	Number   int64 // for Answer
}

// Client is the kernel's end of a worker process.
type Client struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	events   func(Event)
	ready    chan struct{}
	exited   chan struct{} // closed when the process is gone and its output is read
	exit     *os.ProcessState
	exitErr  error
	streams  [2]*stream
	lastErr  tail
	mu       sync.Mutex
	pending  map[int64]chan *Error
	calls    map[int64]chan reply
	control  func(Event)
	input    bool // whether cells may ask the user
	nextCall int64
	current  int64 // what text belongs to
	running  bool  // whether that is a cell which has not ended
	early    bool  // an interrupt came before the run that it is meant for
	writeMu  sync.Mutex
	shutdown bool
}

// Start starts the worker program. events is called for everything that cells put out, one event at a time, in order.
func Start(program, dir string, env []string, events func(Event)) (*Client, error) {
	c := &Client{events: events, ready: make(chan struct{}), exited: make(chan struct{}), pending: map[int64]chan *Error{},
		calls: map[int64]chan reply{}}
	cmd := exec.Command(program)
	cmd.Dir, cmd.Env = dir, env
	// A group of its own: a Ctrl-C on the terminal is for the kernel, which then interrupts the cell.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to the worker: %w", err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe from the worker: %w", err)
	}
	cmd.ExtraFiles = []*os.File{inR, outW}
	var outputs [2]io.ReadCloser
	if outputs[0], err = cmd.StdoutPipe(); err == nil {
		outputs[1], err = cmd.StderrPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	inR.Close()
	outW.Close()
	if err != nil {
		inW.Close()
		outR.Close()
		return nil, fmt.Errorf("starting the worker %s: %w", program, err)
	}
	c.cmd, c.in = cmd, inW
	var order sync.Mutex // one event at a time
	emit := func(e Event) {
		order.Lock()
		defer order.Unlock()
		events(e)
	}
	var readers sync.WaitGroup
	for i, kind := range []string{"stdout", "stderr"} {
		s := newStream(kind, emit, c)
		if kind == "stderr" {
			s.tail = &c.lastErr
		}
		c.streams[i] = s
		readers.Go(func() { s.read(outputs[i]) })
	}
	readers.Go(func() { c.readReplies(outR, emit) })
	go func() {
		c.exit, c.exitErr = cmd.Process.Wait()
		// What the worker started goes with it, and could keep the pipes open.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		drained := make(chan struct{})
		go func() {
			readers.Wait()
			close(drained)
		}()
		select {
		case <-drained:
		case <-time.After(time.Second): // somebody else has the pipes, and lives on
			outR.Close()
			outputs[0].Close()
			outputs[1].Close()
			<-drained
		}
		close(c.exited)
	}()
	select {
	case <-c.ready:
		return c, nil
	case <-c.exited:
		return nil, fmt.Errorf("the worker ended as it started: %v: %s", c.exit, c.lastErr.String())
	case <-time.After(30 * time.Second):
		c.Kill()
		return nil, errors.New("the worker did not become ready within 30 s")
	}
}

var runs atomic.Int64

// NewRun returns a number that no run has had, in any worker.
func NewRun() int64 { return runs.Add(1) }

// Control says who is told of what is not output, and whether cells may ask the user: then events of kind "input" come,
// and Answer must be called. Without it, reading the standard input fails.
func (c *Client) Control(events func(Event), input bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control, c.input = events, input
}

// Answer answers a question of a cell.
func (c *Client) Answer(number int64, text string) {
	if data, err := json.Marshal(text); err == nil {
		c.write(request{Op: "input", ID: number, Data: data})
	}
}

// Run loads the plugins that are not loaded yet and executes a cell. It returns nil when the cell ran to its end.
func (c *Client) Run(files []string, path string) *Error {
	return c.execute(request{Op: "run", Files: files, Cell: path})
}

// Evaluate executes a cell that needs no compiler. The error's name is NotEvaluated if nothing was executed, because that
// would have failed or is beyond the evaluator.
func (c *Client) Evaluate(p Program) *Error {
	data, err := json.Marshal(p)
	if err != nil {
		return &Error{Name: NotEvaluated, Value: err.Error()}
	}
	return c.execute(request{Op: "run", Data: data})
}

func (c *Client) execute(r request) *Error {
	id := NewRun()
	c.mu.Lock()
	control, input := c.control, c.input
	c.mu.Unlock()
	if control != nil {
		control(Event{Kind: "begin", Run: id})
	}
	c.mu.Lock()
	early := c.early
	c.current, c.running, c.early = id, true, false
	done := make(chan *Error, 1)
	c.pending[id] = done
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
	}()
	c.lastErr.reset()
	r.ID, r.Input = id, input
	if err := c.write(r); err != nil {
		<-c.exited
		return c.death()
	}
	if early {
		c.write(request{Op: "interrupt", ID: id})
	}
	ended := make(chan struct{})
	defer close(ended)
	go c.watch(id, ended)
	go c.watchStacks(ended)
	select {
	case e := <-done:
		return e
	case <-c.exited:
		select {
		case e := <-done: // it ended well, and the process died afterwards
			return e
		default:
		}
		return c.death()
	}
}

// death describes how the process ended.
func (c *Client) death() *Error {
	c.mu.Lock()
	wanted := c.shutdown
	c.mu.Unlock()
	text := c.lastErr.String()
	e := &Error{Name: "died", Died: true, Stack: text}
	var ws syscall.WaitStatus
	if c.exit != nil {
		ws, _ = c.exit.Sys().(syscall.WaitStatus)
	}
	first := firstLine(text)
	switch {
	case wanted:
		e.Value = "the worker was stopped"
	case strings.HasPrefix(first, "panic: "):
		e.Name, e.Value = "panic", "in another goroutine: "+strings.TrimPrefix(first, "panic: ")
	case strings.HasPrefix(first, overflowPrefix):
		e.Name, e.Value = "fatal error", "stack overflow"
	case strings.HasPrefix(first, "fatal error: "):
		e.Name, e.Value = "fatal error", strings.TrimPrefix(first, "fatal error: ")
	case ws.Signaled():
		e.Value = fmt.Sprintf("the process was killed by signal %v", ws.Signal())
		if ws.Signal() == syscall.SIGKILL {
			e.Value += " (out of memory?)"
		}
	case c.exit == nil:
		e.Value = fmt.Sprintf("the process is gone: %v", c.exitErr)
	case ws.ExitStatus() == 0:
		e.Name, e.Value = "exit", "the cell ended the process with exit status 0"
	default:
		e.Name, e.Value = "exit", fmt.Sprintf("the cell ended the process: %v", c.exit)
	}
	if e.Name == "exit" || e.Name == "died" {
		e.Stack = ""
	}
	return e
}

func firstLine(s string) string {
	for line := range strings.Lines(s) {
		for _, p := range crashPrefixes {
			if strings.HasPrefix(line, p) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// Interrupt asks the running cell to stop; between Await and the run, it asks the next one. It returns at once.
func (c *Client) Interrupt() {
	c.mu.Lock()
	id := c.current
	c.early = !c.running
	c.mu.Unlock()
	c.write(request{Op: "interrupt", ID: id})
}

// Await says that a run is being prepared: interrupts until now were not meant for it.
func (c *Client) Await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.early = false
}

// Death says how a process that has ended came to its end.
func (c *Client) Death() *Error { return c.death() }

// LastRun returns the number of the run that text of the worker belongs to.
func (c *Client) LastRun() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Close lets the worker end and kills it, and whatever it started, if it does not within a second.
func (c *Client) Close() {
	c.mu.Lock()
	c.shutdown = true
	c.mu.Unlock()
	c.in.Close()
	select {
	case <-c.exited:
	case <-time.After(time.Second):
		c.Kill()
	}
}

// Kill ends the worker and its children at once.
func (c *Client) Kill() {
	c.mu.Lock()
	c.shutdown = true
	c.mu.Unlock()
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	c.cmd.Process.Kill()
	select {
	case <-c.exited:
	case <-time.After(5 * time.Second):
	}
}

// Exited is closed when the process is gone.
func (c *Client) Exited() <-chan struct{} { return c.exited }

func (c *Client) write(r request) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_, err = c.in.Write(append(b, '\n'))
	return err
}

// readReplies delivers the worker's messages, each when both output streams have been read up to its mark.
func (c *Client) readReplies(r io.ReadCloser, emit func(Event)) {
	defer r.Close()
	defer func() {
		for _, s := range c.streams {
			s.release(1 << 62)
		}
	}()
	decoder := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	var before int64 // what text belonged to before the call that is under way
	for {
		var m reply
		if err := decoder.Decode(&m); err != nil {
			return
		}
		if m.Mark > 0 {
			for _, s := range c.streams {
				s.await(m.Mark)
			}
		}
		switch m.Op {
		case "ready":
			close(c.ready)
		case "display":
			w := m.Message
			e := Event{Kind: w.Kind, Data: w.Data, Metadata: w.Metadata, Transient: w.Transient, Wait: w.Wait, Run: m.ID}
			if strings.HasPrefix(e.Kind, "comm_") {
				c.toControl(e)
				break
			}
			emit(e)
		case "input":
			var q question
			if json.Unmarshal(m.Data, &q) == nil {
				c.toControl(Event{Kind: "input", Run: m.ID, Question: Question(q)})
			}
		case "enter":
			c.mu.Lock()
			if !c.running {
				before, c.current = c.current, m.ID
			}
			c.mu.Unlock()
		case "leave":
			c.mu.Lock()
			if c.current == m.ID {
				c.current = before
			}
			c.mu.Unlock()
		case "answer":
			c.answered(m)
		case "done":
			c.mu.Lock()
			done := c.pending[m.ID]
			delete(c.pending, m.ID)
			c.mu.Unlock()
			if done != nil {
				done <- m.Error
			}
		}
		if m.Mark > 0 {
			for _, s := range c.streams {
				s.release(m.Mark)
			}
		}
	}
}

func (c *Client) toControl(e Event) {
	c.mu.Lock()
	control := c.control
	c.mu.Unlock()
	if control != nil {
		control(e)
	}
}

// stream reads one of the worker's outputs: text goes out as events, and at a mark it waits until the message that
// belongs to the mark has been delivered.
type stream struct {
	kind     string
	emit     func(Event)
	client   *Client
	tail     *tail
	mu       sync.Mutex
	cond     *sync.Cond
	reached  int64 // last mark read
	released int64 // last mark whose message was delivered
	closed   bool

	held    strings.Builder  // text that looks like a crash
	giveUp  <-chan time.Time // when it is put out all the same; nil: nothing is held
	midLine bool             // the last text did not end with a line
}

func newStream(kind string, emit func(Event), c *Client) *stream {
	s := &stream{kind: kind, emit: emit, client: c}
	s.cond = sync.NewCond(&s.mu)
	return s
}

// flushEvery is how long text may wait for more before it goes out: front ends cannot take a message per line.
const flushEvery = 40 * time.Millisecond

func (s *stream) read(r io.ReadCloser) {
	defer r.Close()
	chunks := make(chan []byte, 4)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 1<<15)
			n, err := r.Read(buf)
			if n > 0 {
				chunks <- buf[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() {
		s.mu.Lock()
		s.closed = true
		s.cond.Broadcast()
		s.mu.Unlock()
	}()
	var pending []byte
	timer := time.NewTimer(time.Hour)
	for {
		select {
		case b, ok := <-chunks:
			if !ok {
				s.text(pending)
				s.died()
				return
			}
			waiting := len(pending) > 0
			pending = s.split(append(pending, b...))
			if !waiting {
				timer.Reset(flushEvery)
			}
			if len(pending) > 1<<18 {
				pending = s.flush(pending)
			}
		case <-timer.C:
			if pending = s.flush(pending); len(pending) > 0 {
				timer.Reset(flushEvery)
			}
		case <-s.giveUp:
			s.putOutHeld()
		}
	}
}

// split handles every complete mark in b and returns the text after the last one.
func (s *stream) split(b []byte) []byte {
	for {
		i := bytes.Index(b, []byte(markStart))
		if i < 0 {
			return b
		}
		end := bytes.IndexByte(b[i+len(markStart):], markEnd)
		if end < 0 {
			return b
		}
		n, err := strconv.ParseInt(string(b[i+len(markStart):i+len(markStart)+end]), 10, 64)
		s.text(b[:i])
		s.putOutHeld() // the process lives
		b = b[i+len(markStart)+end+1:]
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.reached = max(s.reached, n)
		s.cond.Broadcast()
		for s.released < n {
			s.cond.Wait()
		}
		s.mu.Unlock()
	}
}

// flush puts out b, but keeps back what may be the beginning of a mark or of a character.
func (s *stream) flush(b []byte) []byte {
	var keep int
	if i := bytes.LastIndexByte(b, markStart[0]); i >= 0 && len(b)-i < len(markStart)+20 {
		keep = i
	} else {
		keep = completeRunes(b)
	}
	s.text(b[:keep])
	return append([]byte(nil), b[keep:]...)
}

// completeRunes returns the length of b without an unfinished UTF-8 sequence at its end.
func completeRunes(b []byte) int {
	for i := 1; i <= 3 && i <= len(b); i++ {
		c := b[len(b)-i]
		switch {
		case c < 0x80:
			return len(b)
		case c >= 0xc0:
			need := 2
			if c >= 0xf0 {
				need = 4
			} else if c >= 0xe0 {
				need = 3
			}
			if need > i {
				return len(b) - i
			}
			return len(b)
		}
	}
	return len(b)
}

func (s *stream) text(b []byte) {
	if len(b) == 0 {
		return
	}
	t := strings.ToValidUTF8(string(b), "\uFFFD")
	if s.tail != nil {
		s.tail.add(t)
		if t = s.hold(t); t == "" {
			return
		}
	}
	s.put(t)
}

// hold returns what of a text may go out, and keeps back what looks like a crash.
func (s *stream) hold(t string) string {
	if s.giveUp == nil {
		start := crashStart(t, !s.midLine)
		s.midLine = !strings.HasSuffix(t, "\n")
		if start < 0 {
			return t
		}
		limit := holdCrash
		if strings.HasPrefix(t[start:], overflowPrefix) {
			limit = holdOverflow
		}
		s.giveUp = time.After(limit)
		s.held.WriteString(t[start:])
		return t[:start]
	}
	s.midLine = !strings.HasSuffix(t, "\n")
	if s.held.Len()+len(t) > maxHeld {
		s.putOutHeld()
		return t
	}
	s.held.WriteString(t)
	return ""
}

// putOutHeld puts out text that looked like a crash, as the process has survived it.
func (s *stream) putOutHeld() {
	if s.giveUp == nil {
		return
	}
	t := s.held.String()
	s.held.Reset()
	s.giveUp = nil
	s.put(t)
}

// died puts out what is to be shown of the text of a crash.
func (s *stream) died() {
	if s.giveUp == nil {
		return
	}
	if t := crashMessage(s.held.String()); t != "" {
		s.put(t)
	}
}

func (s *stream) put(t string) {
	s.client.mu.Lock()
	run := s.client.current
	s.client.mu.Unlock()
	s.emit(Event{Kind: s.kind, Text: t, Run: run})
}

func (s *stream) await(mark int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.reached < mark && !s.closed {
		s.cond.Wait()
	}
}

func (s *stream) release(mark int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = max(s.released, mark)
	s.cond.Broadcast()
}

// tail remembers the end of the error stream: where a process that died says why.
type tail struct {
	mu sync.Mutex
	b  strings.Builder
}

const tailSize = 1 << 16

func (t *tail) add(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() < tailSize {
		t.b.WriteString(s)
	}
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Reset()
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// PID is the process number of the worker, which is also that of its process group.
func (c *Client) PID() int { return c.cmd.Process.Pid }
