package jupyter

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// client speaks the protocol to a kernel that runs in this process, as a front end does.
type client struct {
	t              *testing.T
	info           ConnectionInfo
	signer         signer
	shell, control zmq4.Socket
	stdin          zmq4.Socket
	iopub          chan *reply
	served         chan error
}

type reply struct {
	parent  header
	kind    string
	content map[string]any
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// start starts a kernel with a real session.
func start(t *testing.T) *client {
	t.Helper()
	return startWith(t, tcp(t), func(events func(worker.Event), progress func(string)) (Engine, error) {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		tools, err := session.Prepare(context.Background(), wd, progress)
		if err != nil {
			return nil, err
		}
		return session.Open(session.Options{Tools: tools, Dir: t.TempDir(), Events: events, Pager: true})
	})
}

func tcp(t *testing.T) ConnectionInfo {
	t.Helper()
	p := freePorts(t, 5)
	return ConnectionInfo{Transport: "tcp", IP: "127.0.0.1", ShellPort: p[0], IOPubPort: p[1], StdinPort: p[2], ControlPort: p[3],
		HeartbeatPort: p[4], SignatureScheme: "hmac-sha256", Key: "secret"}
}

func startWith(t *testing.T, info ConnectionInfo, open func(events func(worker.Event), progress func(string)) (Engine, error)) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{t: t, info: info, signer: signer{[]byte(info.Key)}, iopub: make(chan *reply, 4096), served: make(chan error, 1)}
	go func() { c.served <- Serve(ctx, info, open) }()
	dial := func(s zmq4.Socket, port int) zmq4.Socket {
		var err error
		for range 100 {
			if err = s.Dial(info.address(port)); err == nil {
				return s
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatal(err)
		return nil
	}
	identity := zmq4.WithID(zmq4.SocketIdentity("client")) // the same everywhere: questions go to who sent the cell
	c.shell = dial(zmq4.NewDealer(ctx, identity), info.ShellPort)
	c.stdin = dial(zmq4.NewDealer(ctx, identity), info.StdinPort)
	c.control = dial(zmq4.NewDealer(ctx), info.ControlPort)
	sub := dial(zmq4.NewSub(ctx), info.IOPubPort)
	if err := sub.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			m, err := sub.Recv()
			if err != nil {
				return
			}
			if r := c.read(m); r != nil {
				c.iopub <- r
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-c.served:
		case <-time.After(20 * time.Second):
			t.Error("the kernel did not end")
		}
	})
	// A subscription takes a moment to arrive: ask until a status comes, as front ends do.
	for deadline := time.Now().Add(60 * time.Second); ; {
		c.request(c.shell, "kernel_info_request", map[string]any{})
		c.receive(c.shell)
		select {
		case <-c.iopub:
			time.Sleep(100 * time.Millisecond)
			for len(c.iopub) > 0 {
				<-c.iopub
			}
			return c
		case <-time.After(200 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("no status came on iopub")
			}
		}
	}
}

func (c *client) read(m zmq4.Msg) *reply {
	d, err := c.signer.decode(m.Frames)
	if err != nil {
		c.t.Errorf("the kernel sent a bad message: %v", err)
		return nil
	}
	r := &reply{kind: d.header.Type}
	for i, f := range m.Frames {
		if string(f) == string(delimiter) {
			json.Unmarshal(m.Frames[i+3], &r.parent)
		}
	}
	json.Unmarshal(d.content, &r.content)
	return r
}

// request sends a message and returns its id.
func (c *client) request(s zmq4.Socket, kind string, content any) string {
	c.t.Helper()
	frames, err := c.signer.encode("test-session", nil, kind, nil, nil, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := s.Send(zmq4.NewMsgFrom(frames...)); err != nil {
		c.t.Fatal(err)
	}
	var h header
	json.Unmarshal(frames[2], &h)
	return h.ID
}

func (c *client) receive(s zmq4.Socket) *reply {
	c.t.Helper()
	ch := make(chan *reply, 1)
	go func() {
		if m, err := s.Recv(); err == nil {
			ch <- c.read(m)
		}
	}()
	select {
	case r := <-ch:
		return r
	case <-time.After(60 * time.Second):
		c.t.Fatal("no reply within 60 s")
		return nil
	}
}

// execute runs a cell and returns the reply and what was published for it up to idle.
func (c *client) execute(code string) (*reply, []*reply) {
	c.t.Helper()
	id := c.request(c.shell, "execute_request", map[string]any{"code": code, "silent": false, "store_history": true, "allow_stdin": false})
	r := c.receive(c.shell)
	return r, c.published(id)
}

func (c *client) published(id string) []*reply {
	c.t.Helper()
	var list []*reply
	for {
		select {
		case m := <-c.iopub:
			if m.parent.ID != id {
				continue
			}
			list = append(list, m)
			if m.kind == "status" && m.content["execution_state"] == "idle" {
				return list
			}
		case <-time.After(60 * time.Second):
			c.t.Fatal("no idle status within 60 s")
		}
	}
}

func kinds(list []*reply) string {
	var k []string
	for _, m := range list {
		s := m.kind
		if s == "status" {
			s = m.content["execution_state"].(string)
		}
		k = append(k, s)
	}
	return strings.Join(k, " ")
}

func TestKernelInfo(t *testing.T) {
	c := start(t)
	id := c.request(c.control, "kernel_info_request", map[string]any{})
	r := c.receive(c.control)
	lang, _ := r.content["language_info"].(map[string]any)
	if r.kind != "kernel_info_reply" || r.parent.ID != id || lang["name"] != "go" || lang["file_extension"] != ".go" {
		t.Errorf("got %+v", r)
	}
	if k := kinds(c.published(id)); k != "busy idle" {
		t.Errorf("published %q", k)
	}
}

func TestExecution(t *testing.T) {
	c := start(t)
	r, out := c.execute("fmt.Println(\"hello\")\nx := 41\nx + 1")
	if r.content["status"] != "ok" || r.content["execution_count"] != 1.0 {
		t.Errorf("got %v", r.content)
	}
	if k := kinds(out); k != "busy execute_input stream execute_result idle" {
		t.Errorf("published %q", k)
	}
	if data := out[3].content["data"].(map[string]any); data["text/plain"] != "42" {
		t.Errorf("the result is %v", data)
	}
	r, out = c.execute("l := display.NewLive()\nl.Update(1)\nl.Update(display.HTML(\"<b>2</b>\"))")
	if r.content["status"] != "ok" || kinds(out) != "busy execute_input display_data update_display_data idle" {
		t.Fatalf("got %v and %q", r.content, kinds(out))
	}
	first, second := out[2].content["transient"].(map[string]any), out[3].content["transient"].(map[string]any)
	if first["display_id"] == nil || first["display_id"] != second["display_id"] {
		t.Errorf("the update does not name its display: %v, %v", first, second)
	}
	r, out = c.execute("x := 1\nvar xs []int\nxs[x]")
	if r.content["status"] != "error" || r.content["ename"] != "panic" || kinds(out) != "busy execute_input error idle" {
		t.Errorf("got %v and %q", r.content, kinds(out))
	}
	if r, _ := c.execute("x"); r.content["execution_count"] != 4.0 {
		t.Errorf("got %v", r.content)
	}
}

func TestRunAllStopsAtTheFirstError(t *testing.T) {
	c := start(t)
	// It fails once all have been sent.
	sent := filepath.Join(t.TempDir(), "sent")
	fails := fmt.Sprintf("for _, err := os.Stat(%q); err != nil; _, err = os.Stat(%[1]q) {\n\ttime.Sleep(time.Millisecond)\n}\npanic(1)", sent)
	for _, code := range []string{fails, "fmt.Println(1)", "fmt.Println(2)"} {
		c.request(c.shell, "execute_request", map[string]any{"code": code, "stop_on_error": true})
	}
	if err := os.WriteFile(sent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var statuses []string
	for range 3 {
		statuses = append(statuses, c.receive(c.shell).content["status"].(string))
	}
	if got := strings.Join(statuses, " "); got != "error aborted aborted" {
		t.Errorf("got %q", got)
	}
}

func TestInterruptOnControl(t *testing.T) {
	c := start(t)
	if r, _ := c.execute("kept := 5"); r.content["status"] != "ok" {
		t.Fatal(r.content)
	}
	id := c.request(c.shell, "execute_request", map[string]any{"code": "fmt.Println(\"on\")\nfor {}"})
	for m := range c.iopub {
		if m.parent.ID == id && m.kind == "stream" {
			break
		}
	}
	c.request(c.control, "interrupt_request", map[string]any{})
	if r := c.receive(c.control); r.kind != "interrupt_reply" || r.content["status"] != "ok" {
		t.Errorf("got %+v", r)
	}
	if r := c.receive(c.shell); r.content["status"] != "error" || r.content["ename"] != "interrupted" {
		t.Errorf("got %v", r.content)
	}
	if r, out := c.execute("kept"); r.content["status"] != "ok" || out[2].content["data"].(map[string]any)["text/plain"] != "5" {
		t.Errorf("the state was lost: %v", r.content)
	}
}

func TestQuestionsAboutTheSession(t *testing.T) {
	c := start(t)
	for _, code := range []string{"größe, gewicht := 3, 4", "a/b*c", "größe"} {
		c.execute(code)
	}
	c.request(c.shell, "complete_request", map[string]any{"code": "x := \"日本\"; grö", "cursor_pos": 14})
	r := c.receive(c.shell)
	if m, _ := json.Marshal(r.content["matches"]); string(m) != `["größe"]` || r.content["cursor_start"] != 11.0 || r.content["cursor_end"] != 14.0 {
		t.Errorf("completion: %v", r.content)
	}
	c.request(c.shell, "execute_request", map[string]any{"code": "gewicht++", "user_expressions": map[string]any{"sum": "größe + gewicht", "bad": "nothing"}})
	r = c.receive(c.shell)
	e := r.content["user_expressions"].(map[string]any)
	if data := e["sum"].(map[string]any)["data"].(map[string]any); data["text/plain"] != "8" {
		t.Errorf("user expression: %v", e)
	}
	if bad := e["bad"].(map[string]any); bad["status"] != "error" || bad["evalue"] != "undefined: nothing" {
		t.Errorf("user expression: %v", bad)
	}
	for _, test := range []struct {
		q    map[string]any
		want string
	}{
		{map[string]any{"hist_access_type": "tail", "n": 2}, `[[1,3,"größe"],[1,4,"gewicht++"]]`},
		{map[string]any{"hist_access_type": "range", "session": 0, "start": 2, "stop": 3}, `[[1,2,"a/b*c"]]`},
		{map[string]any{"hist_access_type": "range", "session": 0, "start": 4, "stop": nil, "output": true}, `[[1,4,["gewicht++",null]]]`},
		{map[string]any{"hist_access_type": "search", "pattern": "*b*"}, `[[1,2,"a/b*c"]]`},
		{map[string]any{"hist_access_type": "search", "pattern": "gr??e*", "n": 1, "unique": true}, `[[1,3,"größe"]]`},
	} {
		c.request(c.shell, "history_request", test.q)
		if got, _ := json.Marshal(c.receive(c.shell).content["history"]); string(got) != test.want {
			t.Errorf("%v: %s", test.q, got)
		}
	}
}

func TestForgedAndBrokenMessagesAreIgnored(t *testing.T) {
	c := start(t)
	forged := signer{[]byte("another key")}
	frames, err := forged.encode("s", nil, "shutdown_request", nil, nil, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range [][][]byte{frames, {[]byte("nothing")}, {delimiter}, {delimiter, nil, []byte("{"), nil, nil, nil}} {
		if err := c.shell.Send(zmq4.NewMsgFrom(f...)); err != nil {
			t.Fatal(err)
		}
	}
	if r, _ := c.execute("1"); r.content["status"] != "ok" {
		t.Errorf("got %v", r.content)
	}
}

func TestShutdown(t *testing.T) {
	c := start(t)
	c.request(c.control, "shutdown_request", map[string]any{"restart": false})
	if r := c.receive(c.control); r.kind != "shutdown_reply" {
		t.Errorf("got %+v", r)
	}
	select {
	case err := <-c.served:
		if err != nil {
			t.Error(err)
		}
		c.served <- nil
	case <-time.After(20 * time.Second):
		t.Error("the kernel did not end")
	}
}

func TestIsComplete(t *testing.T) {
	for code, want := range map[string]string{
		"x := 1":                "complete",
		"for i := range 3 {":    "incomplete",
		"x := 1 +":              "incomplete",
		"fmt.Println(`a":        "incomplete",
		"func f() {\n}":         "complete",
		"x := 1}":               "invalid",
		"i++":                   "complete",
		"f(\n1,":                "incomplete",
		"":                      "complete",
		"/* not yet":            "incomplete",
		"s := \"unterminated\n": "invalid",

		"a b c": "invalid", "x := 1 2": "invalid", "x = = 3": "invalid", "var 1x int": "invalid", "print \"hello\"": "invalid",
		"fmt.Println(\"a\" \"b\")": "invalid", "f(]": "invalid", "a := [}": "invalid", "import fmt": "invalid", "func 3() {": "invalid",
		"def f():": "invalid", "if x": "invalid", "for i := range 3": "invalid", "if x {\n}\nelse {\n}": "invalid", "x ++ y": "invalid",
		"if x {\n} else": "incomplete", "x := []int{": "incomplete", "type T struct {\n\ta int\n": "incomplete", "f(func() {\n": "incomplete",
		"a, b": "complete", "L:\nfor { break L }": "complete", "%time f(": "incomplete", "func (t T) m() {\n\tx := 1\n": "incomplete",
		"switch x {\ncase 1:": "incomplete", "x := map[string]int{\n\t\"a\": 1,": "incomplete", "import (": "incomplete", "a && // why": "incomplete",
		"goto L": "complete", "return": "complete", "func f() {}; f()": "complete", "x.": "incomplete", "<-c": "complete", "*p = 3": "complete",
	} {
		b, err := json.Marshal(map[string]string{"code": code})
		if err != nil {
			t.Fatal(err)
		}
		if got := isComplete(b).(map[string]any)["status"]; got != want {
			t.Errorf("%q is %v, not %s", code, got, want)
		}
	}
}
