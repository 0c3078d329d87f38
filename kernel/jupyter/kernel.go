package jupyter

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-zeromq/zmq4"

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

// Kernel serves one connection file.
type Kernel struct {
	signer  signer
	session string

	shell, control, stdin, iopub, heartbeat zmq4.Socket
	iopubMu                                 sync.Mutex

	open   func(events func(worker.Event), progress func(string)) (Engine, error)
	ready  chan struct{} // closed when engine or openErr is set
	engine Engine
	err    error

	mu      sync.Mutex
	parent  *message // of the cell that runs or ran last: output belongs to it
	count   int
	history history
	result  *map[string]any // where the next result goes instead of the front end, if not nil
	aborted time.Time       // execute requests that wait until then are not run: a cell before them failed

	stop context.CancelFunc
}

// abortWindow is how long after a failed cell the requests that were sent together with it are refused: front ends send
// those of Run All one by one.
const abortWindow = 100 * time.Millisecond

// Serve listens where the connection file says and serves until a shutdown request comes or ctx ends. open makes the
// session; it may take long (the first start compiles packages), while requests that need no session are answered.
func Serve(ctx context.Context, c ConnectionInfo, open func(events func(worker.Event), progress func(string)) (Engine, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &Kernel{signer: signer{[]byte(c.Key)}, session: newID(), open: open, ready: make(chan struct{}), stop: cancel}
	k.shell, k.control, k.stdin = zmq4.NewRouter(ctx), zmq4.NewRouter(ctx), zmq4.NewRouter(ctx)
	k.iopub, k.heartbeat = zmq4.NewPub(ctx), zmq4.NewRep(ctx)
	for _, s := range []struct {
		socket zmq4.Socket
		port   int
		name   string
	}{
		{k.shell, c.ShellPort, "shell"}, {k.control, c.ControlPort, "control"}, {k.stdin, c.StdinPort, "stdin"},
		{k.iopub, c.IOPubPort, "iopub"}, {k.heartbeat, c.HeartbeatPort, "heartbeat"},
	} {
		defer s.socket.Close()
		var err error
		for range 20 { // on restart the old process may still hold the port for a moment
			if err = s.socket.Listen(c.address(s.port)); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			return fmt.Errorf("listening on the %s socket %s: %w", s.name, c.address(s.port), err)
		}
	}
	go k.beat()
	go func() {
		defer close(k.ready)
		k.engine, k.err = k.open(k.event, func(text string) {
			k.publish("stream", nil, k.currentParent(), map[string]any{"name": "stderr", "text": text + "\n"})
		})
		if k.err != nil {
			log.Print("goalgap: ", k.err)
		}
	}()
	defer func() {
		select {
		case <-k.ready:
			if k.engine != nil {
				k.engine.Close()
			}
		default:
		}
	}()
	k.publish("status", nil, nil, map[string]any{"execution_state": "starting"})
	requests := make(chan *message, 1024)
	go k.receive(ctx, k.shell, func(m *message) { requests <- m })
	go k.receive(ctx, k.control, func(m *message) { k.handle(k.control, m) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-requests:
			k.handle(k.shell, m)
		}
	}
}

func (k *Kernel) beat() {
	for {
		m, err := k.heartbeat.Recv()
		if err != nil {
			return
		}
		if k.heartbeat.Send(m) != nil {
			return
		}
	}
}

func (k *Kernel) receive(ctx context.Context, s zmq4.Socket, handle func(*message)) {
	for {
		raw, err := s.Recv()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Print("goalgap: receiving: ", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		m, err := k.signer.decode(raw.Frames)
		if err != nil {
			log.Print("goalgap: a message was ignored: ", err)
			continue
		}
		handle(m)
	}
}

// handle answers one request, between the statuses busy and idle.
func (k *Kernel) handle(s zmq4.Socket, m *message) {
	k.publish("status", nil, m, map[string]any{"execution_state": "busy"})
	defer k.publish("status", nil, m, map[string]any{"execution_state": "idle"})
	kind := strings.TrimSuffix(m.header.Type, "_request")
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
		content = map[string]any{"status": "ok", "found": false, "data": struct{}{}, "metadata": struct{}{}}
	case "is_complete_request":
		content = isComplete(m.content)
	case "history_request":
		content = k.history.answer(m.content)
	case "comm_info_request":
		content = map[string]any{"status": "ok", "comms": struct{}{}}
	case "comm_open":
		var q struct {
			ID string `json:"comm_id"`
		}
		json.Unmarshal(m.content, &q)
		k.publish("comm_close", nil, m, map[string]any{"comm_id": q.ID, "data": struct{}{}})
		return
	case "comm_msg", "comm_close", "input_reply":
		return
	case "interrupt_request":
		if e := k.engineIfReady(); e != nil {
			e.Interrupt()
		}
		content = map[string]any{"status": "ok"}
	case "shutdown_request":
		var q struct {
			Restart bool `json:"restart"`
		}
		json.Unmarshal(m.content, &q)
		k.reply(s, m, "shutdown_reply", map[string]any{"status": "ok", "restart": q.Restart})
		k.publish("shutdown_reply", nil, m, map[string]any{"status": "ok", "restart": q.Restart})
		k.publish("status", nil, m, map[string]any{"execution_state": "idle"})
		time.AfterFunc(150*time.Millisecond, k.stop) // until the reply is on its way
		return
	case "debug_request":
		content = map[string]any{"type": "response", "success": false, "message": "this kernel has no debugger"}
	default:
		if !strings.HasSuffix(m.header.Type, "_request") {
			return
		}
		content = map[string]any{"status": "error", "ename": "UnknownRequest", "evalue": m.header.Type + " is not supported", "traceback": []string{}}
	}
	k.reply(s, m, kind+"_reply", content)
}

func (k *Kernel) info() any {
	return map[string]any{
		"status": "ok", "protocol_version": protocolVersion, "implementation": "goalgap", "implementation_version": "0.1.0",
		"language_info": map[string]any{
			"name": "go", "version": strings.TrimPrefix(runtime.Version(), "go"), "mimetype": "text/x-go",
			"file_extension": ".go", "pygments_lexer": "go", "codemirror_mode": "go", "nbconvert_exporter": "",
		},
		"banner": "goalgap: Go cells, compiled, with state", "help_links": []any{}, "debugger": false,
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

func (k *Kernel) currentParent() *message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.parent
}

func (k *Kernel) execute(s zmq4.Socket, m *message) {
	q := struct {
		Code            string         `json:"code"`
		Silent          bool           `json:"silent"`
		StoreHistory    *bool          `json:"store_history"`
		StopOnError     *bool          `json:"stop_on_error"`
		UserExpressions map[string]any `json:"user_expressions"`
	}{}
	if err := json.Unmarshal(m.content, &q); err != nil {
		log.Print("goalgap: an execute_request was ignored: ", err)
		return
	}
	k.mu.Lock()
	if time.Now().Before(k.aborted) {
		k.aborted = time.Now().Add(abortWindow)
		count := k.count
		k.mu.Unlock()
		k.reply(s, m, "execute_reply", map[string]any{"status": "aborted", "execution_count": count})
		return
	}
	k.parent = m
	if !q.Silent && (q.StoreHistory == nil || *q.StoreHistory) {
		k.count++
		k.history.add(k.count, q.Code)
	}
	count := k.count
	k.mu.Unlock()
	if !q.Silent {
		k.publish("execute_input", nil, m, map[string]any{"code": q.Code, "execution_count": count})
	}
	<-k.ready
	var f *session.Failure
	if k.err != nil {
		f = &session.Failure{Name: "kernel", Value: k.err.Error(), Traceback: []string{k.err.Error()}}
	} else {
		f = k.engine.Execute(q.Code, fmt.Sprintf("cell [%d]", count))
	}
	if f == nil {
		expressions := map[string]any{}
		for name, e := range q.UserExpressions {
			expressions[name] = k.evaluate(fmt.Sprint(e))
		}
		k.reply(s, m, "execute_reply", map[string]any{"status": "ok", "execution_count": count, "user_expressions": expressions, "payload": []any{}})
		return
	}
	traceback := f.Traceback
	if traceback == nil {
		traceback = []string{}
	}
	failure := map[string]any{"ename": f.Name, "evalue": f.Value, "traceback": traceback}
	if !q.Silent {
		k.publish("error", nil, m, failure)
	}
	if q.StopOnError == nil || *q.StopOnError {
		k.mu.Lock()
		k.aborted = time.Now().Add(abortWindow)
		k.mu.Unlock()
	}
	k.reply(s, m, "execute_reply", map[string]any{"status": "error", "execution_count": count, "ename": f.Name, "evalue": f.Value,
		"traceback": traceback, "user_expressions": struct{}{}, "payload": []any{}})
}

// evaluate answers a user expression of an execute_request.
func (k *Kernel) evaluate(expression string) any {
	var data map[string]any
	k.mu.Lock()
	k.result = &data
	k.mu.Unlock()
	f := k.engine.Execute(expression, "expression")
	k.mu.Lock()
	k.result = nil
	k.mu.Unlock()
	if f != nil {
		return map[string]any{"status": "error", "ename": f.Name, "evalue": f.Value, "traceback": append([]string{}, f.Traceback...)}
	}
	if data == nil {
		data = map[string]any{}
	}
	return map[string]any{"status": "ok", "data": data, "metadata": struct{}{}}
}

// event passes on what a cell puts out.
func (k *Kernel) event(e worker.Event) {
	k.mu.Lock()
	parent, count, result := k.parent, k.count, k.result
	if result != nil && e.Kind == "result" {
		*result = e.Data
	}
	k.mu.Unlock()
	if result != nil && e.Kind == "result" {
		return
	}
	metadata, transient := e.Metadata, e.Transient
	if metadata == nil {
		metadata = map[string]any{}
	}
	if transient == nil {
		transient = map[string]any{}
	}
	switch e.Kind {
	case "stdout", "stderr":
		k.publish("stream", nil, parent, map[string]any{"name": e.Kind, "text": e.Text})
	case "result":
		k.publish("execute_result", nil, parent, map[string]any{"execution_count": count, "data": e.Data, "metadata": metadata})
	case "display":
		k.publish("display_data", nil, parent, map[string]any{"data": e.Data, "metadata": metadata, "transient": transient})
	case "update":
		k.publish("update_display_data", nil, parent, map[string]any{"data": e.Data, "metadata": metadata, "transient": transient})
	case "clear":
		k.publish("clear_output", nil, parent, map[string]any{"wait": e.Wait})
	}
}

func (k *Kernel) reply(s zmq4.Socket, m *message, kind string, content any) {
	frames, err := k.signer.encode(k.session, m.identities, kind, m, nil, content)
	if err == nil {
		err = s.Send(zmq4.NewMsgFrom(frames...))
	}
	if err != nil {
		log.Printf("goalgap: sending a %s: %v", kind, err)
	}
}

func (k *Kernel) publish(kind string, metadata any, parent *message, content any) {
	frames, err := k.signer.encode(k.session, [][]byte{[]byte(kind)}, kind, parent, metadata, content)
	if err == nil {
		k.iopubMu.Lock()
		err = k.iopub.Send(zmq4.NewMsgFrom(frames...))
		k.iopubMu.Unlock()
	}
	if err != nil {
		log.Printf("goalgap: publishing a %s: %v", kind, err)
	}
}

// complete offers names for the cursor; the protocol counts code points.
func (k *Kernel) complete(content json.RawMessage) any {
	var q struct {
		Code   string `json:"code"`
		Cursor int    `json:"cursor_pos"`
	}
	json.Unmarshal(content, &q)
	matches, start, end := []string{}, q.Cursor, q.Cursor
	if e := k.engineIfReady(); e != nil {
		code := []rune(q.Code)
		at := len(string(code[:min(max(q.Cursor, 0), len(code))]))
		found, from, to := e.Completions(q.Code, at)
		matches = append(matches, found...)
		start, end = utf8.RuneCountInString(q.Code[:from]), utf8.RuneCountInString(q.Code[:to])
	}
	return map[string]any{"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end, "metadata": struct{}{}}
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
