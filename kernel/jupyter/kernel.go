package jupyter

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"goalgap/kernel/jupyter/zmtp"
	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// An Engine runs cells: a session.Session, once it is ready.
type Engine interface {
	Execute(source, label string) *session.Failure
	Interrupt()
	Restart() error
	Close()
	Check(source string) error
	Completions(source string, cursor int) (matches []string, start, end int)
}

// An inspector says what stands at the cursor, a byte offset. An Engine may be one.
type inspector interface {
	Inspect(source string, cursor int, detail int) (data map[string]any, found bool)
}

// A planner compiles cells that wait in the queue while earlier ones run. An Engine may be one.
type planner interface {
	Ahead(sources []string)
}

// Kernel serves one connection file.
type Kernel struct {
	signer  signer
	session string

	shell, control, stdin, iopub, heartbeat *zmtp.Socket

	open    func(events func(worker.Event), progress func(string)) (Engine, error)
	ready   chan struct{} // closed when engine or err is set
	engine  Engine
	err     error
	limiter *worker.Limiter

	requests *queue      // of the shell
	planning atomic.Bool // the engine is about to be told what waits there
	history  history

	mu      sync.Mutex
	current *origin           // the cell that runs or ran last
	origins map[int64]*origin // by run
	count   int
	result  func(worker.Event) // takes the next result in place of the front end, if not nil
	failed  time.Time          // when a cell failed last: execute requests that were sent before are not run
	client  *worker.Client     // the present worker, nil before the first cell
	asked   *asked             // the question that waits for an answer
	comms   map[string]*comm   // open ones, by id
	dialect string             // of the front end's widgets, "classic" or "lab"; empty if not known yet

	stop context.CancelFunc
}

// How long the end of the kernel may take: a front end that asked for it waits a second or so before it kills.
const (
	closingTime = 600 * time.Millisecond
	lingerTime  = 200 * time.Millisecond
)

var outputFolder = worker.OutputFolder // tests have another

// Serve listens where the connection file says and serves until a shutdown request comes or ctx ends. open makes the
// session; it may take long (the first start compiles packages), while requests that need no session are answered.
func Serve(ctx context.Context, c ConnectionInfo, open func(events func(worker.Event), progress func(string)) (Engine, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &Kernel{signer: signer{[]byte(c.Key)}, session: newID(), open: open, ready: make(chan struct{}), stop: cancel,
		requests: newQueue(), origins: map[int64]*origin{}, comms: map[string]*comm{}}
	folder, err := outputFolder()
	if err != nil {
		folder = filepath.Join(os.TempDir(), "goalgap-output")
	}
	k.limiter = worker.NewLimiter(folder, k.event)
	// The sockets receive as soon as they are there, and some answers go out through another one.
	listening := make(chan struct{})
	receive := func(handle func(*message)) func(*zmtp.Peer, [][]byte) {
		return func(_ *zmtp.Peer, frames [][]byte) {
			<-listening
			k.receive(frames, handle)
		}
	}
	for _, s := range []struct {
		socket     **zmtp.Socket
		kind       zmtp.Kind
		port       int
		name       string
		receive    func(*zmtp.Peer, [][]byte)
		subscribed func(*zmtp.Peer, []byte)
	}{
		{&k.shell, zmtp.Router, c.ShellPort, "shell", receive(k.onShell), nil},
		{&k.control, zmtp.Router, c.ControlPort, "control", receive(func(m *message) { k.handle(k.control, m) }), nil},
		{&k.stdin, zmtp.Router, c.StdinPort, "stdin", receive(k.inputReply), nil},
		{&k.iopub, zmtp.XPub, c.IOPubPort, "iopub", nil, k.welcome},
		{&k.heartbeat, zmtp.Rep, c.HeartbeatPort, "heartbeat", func(p *zmtp.Peer, frames [][]byte) { p.Send(frames) }, nil},
	} {
		var err error
		for range 20 { // on restart the old process may still hold the port for a moment
			if *s.socket, err = zmtp.Listen(s.kind, c.address(s.port), s.receive, s.subscribed); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			close(listening)
			return fmt.Errorf("listening on the %s socket %s: %w", s.name, c.address(s.port), err)
		}
		defer (*s.socket).Close(lingerTime)
	}
	close(listening)
	k.publish("status", nil, map[string]any{"execution_state": "starting"})
	go k.prepare(ctx)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for m := k.requests.pop(); m != nil; m = k.requests.pop() {
			k.handle(k.shell, m)
		}
	}()
	<-ctx.Done()
	k.requests.close()
	if e := k.engineIfReady(); e != nil {
		e.Close()
		select { // the cell that runs cleans up behind its compiler
		case <-served:
		case <-time.After(closingTime):
		}
	}
	return nil
}

// prepare opens the session.
func (k *Kernel) prepare(ctx context.Context) {
	defer close(k.ready)
	k.engine, k.err = k.open(k.limiter.Event, func(text string) {
		var parent *message
		if o := k.originOf(0); o != nil {
			parent = o.message
		}
		k.publish("stream", parent, map[string]any{"name": "stderr", "text": text + "\n"})
	})
	if k.err != nil {
		log.Print("goalgap: ", k.err)
		return
	}
	if ctx.Err() != nil {
		k.engine.Close()
	}
	k.attach(false)
}

// receive reads one message. Whatever is wrong with it, the kernel goes on.
func (k *Kernel) receive(frames [][]byte, handle func(*message)) {
	m, err := k.signer.decode(frames)
	if err != nil {
		log.Print("goalgap: a message was ignored: ", err)
		return
	}
	handle(m)
}

// onShell puts a request in line, or serves what must not wait until the cells before it have ended.
func (k *Kernel) onShell(m *message) {
	switch m.header.Type {
	case "shutdown_request":
		go k.handle(k.shell, m)
		return
	case "comm_msg", "comm_close":
		if k.commNow(m) {
			return
		}
	}
	k.requests.push(m)
	if m.header.Type == "execute_request" {
		k.compileAhead()
	}
}

// welcome tells a new subscriber that messages reach it from now on (protocol 5.4, JEP 65).
func (k *Kernel) welcome(p *zmtp.Peer, topic []byte) {
	frames, err := k.signer.encode(k.session, [][]byte{topic}, "iopub_welcome", nil, nil, map[string]any{"subscription": string(topic)})
	if err == nil {
		p.Send(frames)
	}
}

func (k *Kernel) status(m *message, state string) {
	k.publish("status", m, map[string]any{"execution_state": state})
}

// handle answers one request, between the statuses busy and idle.
func (k *Kernel) handle(s *zmtp.Socket, m *message) {
	k.status(m, "busy")
	defer k.status(m, "idle")
	defer func() {
		if p := recover(); p != nil {
			log.Printf("goalgap: serving a %s: %v\n%s", m.header.Type, p, debug.Stack())
			k.replyError(s, m, "kernel fault", fmt.Sprint(p))
		}
	}()
	var content any
	switch m.header.Type {
	case "kernel_info_request":
		content = k.info()
	case "execute_request":
		k.execute(s, m)
		return
	case "complete_request":
		content = k.complete(m.content)
	case "inspect_request":
		content = k.inspect(m.content)
	case "is_complete_request":
		content = isComplete(m.content)
	case "history_request":
		content = k.history.answer(m.content)
	case "comm_info_request":
		content = k.commInfo(m.content)
	case "comm_open":
		k.commOpen(m)
		return
	case "comm_msg", "comm_close":
		if q, ok := readComm(m); ok {
			k.mu.Lock()
			c := k.comms[q.ID]
			k.mu.Unlock()
			if c != nil { // opened by what stood in front of it
				k.deliver(c.client, m.header.Type, q, m)
			}
		}
		return
	case "interrupt_request":
		k.endInput()
		if e := k.engineIfReady(); e != nil {
			e.Interrupt()
		}
		content = map[string]any{"status": "ok"}
	case "shutdown_request":
		k.shutdown(s, m)
		return
	case "debug_request":
		content = noDebugger(m.content)
	default:
		if strings.HasSuffix(m.header.Type, "_request") {
			k.replyError(s, m, "unknown request", fmt.Sprintf("this kernel does not know the request %q", m.header.Type))
		}
		return
	}
	k.reply(s, m, replyTo(m), content)
}

func replyTo(m *message) string { return strings.TrimSuffix(m.header.Type, "_request") + "_reply" }

func (k *Kernel) shutdown(s *zmtp.Socket, m *message) {
	var q struct {
		Restart bool `json:"restart"`
	}
	json.Unmarshal(m.content, &q)
	content := map[string]any{"status": "ok", "restart": q.Restart}
	k.reply(s, m, "shutdown_reply", content)
	k.publish("shutdown_reply", m, content)
	k.stop() // sockets send what waits before they close
}

// noDebugger answers a request of the debug adapter protocol.
func noDebugger(content json.RawMessage) any {
	var q struct {
		Number  int    `json:"seq"`
		Command string `json:"command"`
	}
	json.Unmarshal(content, &q)
	return map[string]any{"type": "response", "request_seq": q.Number, "seq": q.Number, "success": false, "command": q.Command,
		"message": "this kernel has no debugger"}
}

func (k *Kernel) info() any {
	links := []map[string]string{}
	for _, l := range [][2]string{
		{"Go documentation", "https://go.dev/doc/"},
		{"Standard library", "https://pkg.go.dev/std"},
		{"Language specification", "https://go.dev/ref/spec"},
		{"Packages", "https://pkg.go.dev/"},
	} {
		links = append(links, map[string]string{"text": l[0], "url": l[1]})
	}
	return map[string]any{
		"status": "ok", "protocol_version": protocolVersion, "implementation": "goalgap", "implementation_version": "0.1.0",
		"language_info": map[string]any{
			"name": "go", "version": strings.TrimPrefix(runtime.Version(), "go"), "mimetype": "text/x-go",
			"file_extension": ".go", "pygments_lexer": "go", "codemirror_mode": "go", "nbconvert_exporter": "",
		},
		"banner":     "goalgap: Go cells, compiled, with state (" + runtime.Version() + ")",
		"help_links": links, "debugger": false, "supported_features": []string{},
	}
}

func (k *Kernel) engineIfReady() Engine {
	select {
	case <-k.ready:
		return k.engine
	default:
		return nil
	}
}

func (k *Kernel) reply(s *zmtp.Socket, m *message, kind string, content any) {
	k.replyWith(s, m, kind, nil, content)
}

func (k *Kernel) replyError(s *zmtp.Socket, m *message, name, value string) {
	k.reply(s, m, replyTo(m), map[string]any{"status": "error", "ename": name, "evalue": value, "traceback": []string{}})
}

func (k *Kernel) replyWith(s *zmtp.Socket, m *message, kind string, metadata, content any) {
	frames, err := k.signer.encode(k.session, m.identities, kind, m, metadata, content)
	if err != nil {
		log.Printf("goalgap: sending a %s: %v", kind, err)
		return
	}
	s.Send(frames)
}

// publish sends a message to every front end.
func (k *Kernel) publish(kind string, parent *message, content any) {
	k.publishWith(kind, parent, nil, content)
}

func (k *Kernel) publishWith(kind string, parent *message, metadata, content any, buffers ...[]byte) {
	frames, err := k.signer.encode(k.session, [][]byte{[]byte(kind)}, kind, parent, metadata, content, buffers...)
	if err != nil {
		log.Printf("goalgap: publishing a %s: %v", kind, err)
		return
	}
	k.iopub.Publish(frames)
}

// cursor turns a position of the protocol, which counts code points, into a byte offset.
func cursor(code string, at int) int {
	runes := []rune(code)
	return len(string(runes[:min(max(at, 0), len(runes))]))
}

// complete offers names for the cursor.
func (k *Kernel) complete(content json.RawMessage) any {
	var q struct {
		Code   string `json:"code"`
		Cursor *int   `json:"cursor_pos"`
	}
	json.Unmarshal(content, &q)
	at := utf8.RuneCountInString(q.Code)
	if q.Cursor != nil {
		at = min(max(*q.Cursor, 0), at)
	}
	matches, start, end := []string{}, at, at
	if e := k.engineIfReady(); e != nil {
		found, from, to := e.Completions(q.Code, cursor(q.Code, at))
		matches = append(matches, found...)
		start, end = utf8.RuneCountInString(q.Code[:from]), utf8.RuneCountInString(q.Code[:to])
	}
	return map[string]any{"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end, "metadata": struct{}{}}
}

// inspect says what stands at the cursor.
func (k *Kernel) inspect(content json.RawMessage) any {
	var q struct {
		Code   string `json:"code"`
		Cursor int    `json:"cursor_pos"`
		Detail int    `json:"detail_level"`
	}
	json.Unmarshal(content, &q)
	var data map[string]any
	found := false
	if e, ok := k.engineIfReady().(inspector); ok {
		data, found = e.Inspect(q.Code, cursor(q.Code, q.Cursor), q.Detail)
	}
	return map[string]any{"status": "ok", "found": found, "data": orEmpty(data), "metadata": struct{}{}}
}

// isComplete tells a console whether what was typed can be executed or wants another line.
func isComplete(content json.RawMessage) any {
	var q struct {
		Code string `json:"code"`
	}
	json.Unmarshal(content, &q)
	status := session.Complete(q.Code)
	r := map[string]any{"status": status}
	if status == "incomplete" {
		r["indent"] = "\t"
	}
	return r
}
