package jupyter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// engine is a stand-in for a session, whose cells are words: "print x", "fail", "value x", "wait" (until an interrupt).
type engine struct {
	events func(worker.Event)
	stop   chan struct{}
	once   sync.Once
}

func (e *engine) Execute(source, _ string) *session.Failure {
	word, rest, _ := strings.Cut(source, " ")
	switch word {
	case "print":
		e.events(worker.Event{Kind: "stdout", Text: rest})
	case "value":
		e.events(worker.Event{Kind: "result", Data: map[string]any{"text/plain": rest}})
	case "wait":
		<-e.stop
		return &session.Failure{Name: "interrupted", Value: "interrupted"}
	case "fail":
		time.Sleep(50 * time.Millisecond)
		return &session.Failure{Name: "panic", Value: "failed"}
	}
	return nil
}
func (e *engine) Interrupt()                                   { e.once.Do(func() { close(e.stop) }) }
func (e *engine) Restart() error                               { return nil }
func (e *engine) Close()                                       { e.Interrupt() }
func (e *engine) Check(string) error                           { return nil }
func (e *engine) Completions(string, int) ([]string, int, int) { return nil, 0, 0 }
func (e *engine) Inspect(s string, at, _ int) (map[string]any, bool) {
	return map[string]any{"text/plain": s[at:]}, true
}

func startFake(t *testing.T) *client {
	t.Helper()
	return startWith(t, tcp(t), fake)
}

func fake(events func(worker.Event), _ func(string)) (Engine, error) {
	return &engine{events: events, stop: make(chan struct{})}, nil
}

func (c *client) ask(kind string, content any) *reply {
	c.t.Helper()
	c.request(c.shell, kind, content)
	return c.receive(c.shell)
}

func TestSilentAndUnstoredCellsAreNotCounted(t *testing.T) {
	c := startFake(t)
	for _, test := range []struct {
		content   map[string]any
		published string
		count     float64
	}{
		{map[string]any{"code": "value 1"}, "busy execute_input execute_result idle", 1},
		{map[string]any{"code": "value 1", "silent": true, "store_history": true}, "busy idle", 1},
		{map[string]any{"code": "print 1", "silent": true}, "busy stream idle", 1},
		{map[string]any{"code": "value 1", "store_history": false}, "busy execute_input execute_result idle", 1},
		{map[string]any{"code": " \n"}, "busy execute_input idle", 1},
		{map[string]any{"code": "fail", "stop_on_error": false}, "busy execute_input error idle", 2},
		{map[string]any{"code": "value 1", "user_expressions": nil}, "busy execute_input execute_result idle", 3},
	} {
		id := c.request(c.shell, "execute_request", test.content)
		r := c.receive(c.shell)
		if got := kinds(c.published(id)); got != test.published || r.content["execution_count"] != test.count {
			t.Errorf("%v: published %q, count %v", test.content, got, r.content["execution_count"])
		}
	}
	h, _ := json.Marshal(c.ask("history_request", map[string]any{"hist_access_type": "range", "start": 1, "output": true}).content["history"])
	if want := `[[1,1,["value 1","1"]],[1,2,["fail",null]],[1,3,["value 1","1"]]]`; string(h) != want {
		t.Errorf("the history is %s, not %s", h, want)
	}
}

func TestErrorsAreTheSameInMessageAndReply(t *testing.T) {
	c := startFake(t)
	r, out := c.execute("fail")
	for _, key := range []string{"ename", "evalue", "traceback"} {
		if fmt.Sprint(r.content[key]) != fmt.Sprint(out[2].content[key]) || r.content[key] == nil {
			t.Errorf("%s is %v and %v", key, r.content[key], out[2].content[key])
		}
	}
}

func TestWhatIsQueuedBehindAFailureIsAborted(t *testing.T) {
	c := startFake(t)
	for _, silent := range []bool{false, true} {
		c.request(c.shell, "execute_request", map[string]any{"code": "fail", "silent": silent})
		id := c.request(c.shell, "execute_request", map[string]any{"code": "print 2"})
		if r := c.receive(c.shell); r.content["status"] != "error" {
			t.Errorf("got %v", r.content)
		}
		if r := c.receive(c.shell); r.content["status"] != "aborted" {
			t.Errorf("queued: %v", r.content)
		}
		if got := kinds(c.published(id)); got != "busy idle" {
			t.Errorf("an aborted cell published %q", got)
		}
		if r := c.ask("execute_request", map[string]any{"code": "print 3"}); r.content["status"] != "ok" {
			t.Errorf("sent behind the failure: %v", r.content)
		}
	}
}

func TestWhatWasSentBeforeAFailureIsAborted(t *testing.T) {
	failed := time.Date(2026, 5, 4, 3, 2, 1, 500_000_000, time.UTC)
	for _, test := range []struct {
		date     string
		received time.Duration // after the failure
		want     bool
	}{
		{"2026-05-04T03:02:01.4Z", -time.Millisecond, true},
		{"2026-05-04T03:02:01.499Z", abortWindow / 2, true},
		{"2026-05-04T05:02:01.499+02:00", abortWindow / 2, true},
		{"2026-05-04T03:02:01.501Z", abortWindow / 2, false},
		{"2026-05-04T03:02:01.499Z", 2 * abortWindow, false},
		{"2026-05-04T03:02:02Z", -time.Millisecond, true}, // the clocks differ
		{"", abortWindow / 2, false},
		{"yesterday", abortWindow / 2, false},
	} {
		m := &message{received: failed.Add(test.received)}
		m.header.Date = test.date
		if got := m.sentBefore(failed); got != test.want {
			t.Errorf("sent %q, received after %v: %v", test.date, test.received, got)
		}
	}
}

func TestAnswersToEarlierQuestionsAreNotHeard(t *testing.T) {
	q := &asked{id: "question", cell: header{ID: "cell", Session: "s", Date: "2026-05-04T03:02:01.500Z"}}
	for _, test := range []struct {
		parent, session, date string
		want                  bool
	}{
		{"", "s", "2026-05-04T03:02:04Z", true},
		{"", "s", "2026-05-04T03:02:01.500000Z", true},
		{"question", "s", "2026-05-04T03:02:04Z", true},
		{"cell", "s", "2026-05-04T03:02:04Z", true}, // some front ends answer the cell
		{"another question", "s", "2026-05-04T03:02:04Z", false},
		{"", "s", "2026-05-04T03:02:01.499Z", false},
		{"", "s", "2026-05-04T05:02:01.499+02:00", false},
		{"", "another session", "2026-05-04T03:02:01.499Z", true},
		{"", "s", "", true},
		{"", "s", "yesterday", true},
	} {
		m := &message{parentID: test.parent, header: header{Session: test.session, Date: test.date}}
		if got := q.answeredBy(m); got != test.want {
			t.Errorf("parent %q, session %q, sent %q: %v", test.parent, test.session, test.date, got)
		}
	}
}

func TestMalformedRequestsAreAnswered(t *testing.T) {
	c := startFake(t)
	for _, content := range []any{map[string]any{}, map[string]any{"code": 5}, []int{1}, nil, "x", map[string]any{"code": "1", "silent": "no"}} {
		id := c.request(c.shell, "execute_request", content)
		r := c.receive(c.shell)
		list, isList := r.content["traceback"].([]any)
		if r.kind != "execute_reply" || r.content["status"] != "error" || r.content["ename"] == "" || !isList || list == nil {
			t.Errorf("%v: got %v %v", content, r.kind, r.content)
		}
		if got := kinds(c.published(id)); got != "busy idle" {
			t.Errorf("%v: published %q", content, got)
		}
	}
	for _, kind := range []string{"complete_request", "inspect_request", "is_complete_request", "history_request", "comm_info_request"} {
		for _, content := range []any{map[string]any{}, []int{1}, nil, map[string]any{"code": 1, "cursor_pos": "x"}} {
			if r := c.ask(kind, content); r.kind != strings.Replace(kind, "request", "reply", 1) || r.content["status"] == nil {
				t.Errorf("%s %v: got %v %v", kind, content, r.kind, r.content)
			}
		}
	}
	for _, kind := range []string{"teleport_request", "create_subshell_request", "list_subshell_request"} {
		if r := c.ask(kind, map[string]any{}); r.kind != strings.Replace(kind, "request", "reply", 1) || r.content["status"] != "error" || !strings.Contains(fmt.Sprint(r.content["evalue"]), kind) {
			t.Errorf("%s: got %v %v", kind, r.kind, r.content)
		}
	}
	c.request(c.control, "debug_request", map[string]any{"type": "request", "seq": 7, "command": "initialize"})
	if r := c.receive(c.control); r.kind != "debug_reply" || r.content["success"] != false || r.content["request_seq"] != 7.0 || r.content["command"] != "initialize" {
		t.Errorf("got %v %v", r.kind, r.content)
	}
}

func TestPositionsCountCharacters(t *testing.T) {
	c := startFake(t)
	r := c.ask("inspect_request", map[string]any{"code": "ä日𝄞x", "cursor_pos": 3, "detail_level": 0})
	if r.content["found"] != true || r.content["data"].(map[string]any)["text/plain"] != "x" {
		t.Errorf("got %v", r.content)
	}
}

func TestControlIsServedWhileACellRuns(t *testing.T) {
	c := startFake(t)
	c.request(c.shell, "execute_request", map[string]any{"code": "wait"})
	c.request(c.control, "kernel_info_request", map[string]any{})
	if r := c.receive(c.control); r.content["status"] != "ok" || r.content["supported_features"] == nil {
		t.Errorf("got %v", r.content)
	}
	c.request(c.control, "interrupt_request", map[string]any{})
	if r := c.receive(c.shell); r.content["ename"] != "interrupted" {
		t.Errorf("got %v", r.content)
	}
}

func TestShutdownOnEitherChannelEndsARunningCell(t *testing.T) {
	for _, channel := range []string{"shell", "control"} {
		c := startFake(t)
		c.request(c.shell, "execute_request", map[string]any{"code": "wait"})
		time.Sleep(50 * time.Millisecond)
		s := c.control
		if channel == "shell" {
			s = c.shell
		}
		began := time.Now()
		c.request(s, "shutdown_request", map[string]any{"restart": true})
		for r := c.receive(s); ; r = c.receive(s) {
			if r.kind == "shutdown_reply" {
				if r.content["restart"] != true {
					t.Errorf("got %v", r.content)
				}
				break
			}
		}
		if err := <-c.served; err != nil || time.Since(began) > time.Second {
			t.Errorf("%s: %v after %v", channel, err, time.Since(began))
		}
		c.served <- nil
	}
}

// TestPeersDoNotDisturbEachOther connects peers that say nothing, send nonsense or do not read.
func TestPeersDoNotDisturbEachOther(t *testing.T) {
	c := startFake(t)
	for _, port := range []int{c.info.ShellPort, c.info.IOPubPort, c.info.HeartbeatPort} {
		for _, nonsense := range []string{"", "GET / HTTP/1.1\r\n\r\n" + strings.Repeat("x", 100),
			string(greeting()) + "\x04\x05\x05READ", string(greeting()) + "\x04\x19\x05READY\x0bSocket-Type\xff\xff\xff\xffX123",
			string(greeting()) + "\x02\x7f\xff\xff\xff\xff\xff\xff\xff"} {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write([]byte(nonsense))
		}
	}
	// One that subscribes and does not read.
	deaf, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.info.IOPubPort))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	deaf.Write([]byte(string(greeting()) + "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB" + "\x00\x01\x01"))
	time.Sleep(50 * time.Millisecond)
	text := strings.Repeat("x", 1<<20)
	for range 30 {
		if r, out := c.execute("print " + text); r.content["status"] != "ok" || kinds(out) != "busy execute_input stream idle" {
			t.Fatalf("got %v, %q", r.content, kinds(out))
		}
	}
}

func greeting() []byte {
	b := make([]byte, 64)
	b[0], b[9], b[10] = 0xff, 0x7f, 3
	copy(b[12:], "NULL")
	return b
}

func TestASubscriberIsWelcomed(t *testing.T) {
	c := startFake(t)
	sub := zmq4.NewSub(t.Context())
	if err := sub.Dial(c.info.address(c.info.IOPubPort)); err != nil {
		t.Fatal(err)
	}
	if err := sub.SetOption(zmq4.OptionSubscribe, "iop"); err != nil {
		t.Fatal(err)
	}
	m, err := sub.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if r := c.read(m); r.kind != "iopub_welcome" || r.content["subscription"] != "iop" || !bytes.Equal(m.Frames[0], []byte("iop")) {
		t.Errorf("got %v %v", r.kind, r.content)
	}
}

func TestHeartbeatEchoes(t *testing.T) {
	c := startFake(t)
	req := zmq4.NewReq(t.Context())
	if err := req.Dial(c.info.address(c.info.HeartbeatPort)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"ping", strings.Repeat("x", 1000)} {
		if err := req.Send(zmq4.NewMsgString(text)); err != nil {
			t.Fatal(err)
		}
		if m, err := req.Recv(); err != nil || string(m.Bytes()) != text {
			t.Errorf("got %q, %v", m.Bytes(), err)
		}
	}
}

func TestIPCWithoutSigning(t *testing.T) {
	info := ConnectionInfo{Transport: "ipc", IP: filepath.Join(t.TempDir(), "k"), ShellPort: 1, IOPubPort: 2, StdinPort: 3, ControlPort: 4, HeartbeatPort: 5}
	c := startWith(t, info, fake)
	if r, out := c.execute("print ä"); r.content["status"] != "ok" || out[2].content["text"] != "ä" {
		t.Errorf("got %v", r.content)
	}
}

func TestUnknownCommTargetsAreClosed(t *testing.T) {
	c := startFake(t)
	id := c.request(c.shell, "comm_open", map[string]any{"comm_id": "c1", "target_name": "nobody", "data": map[string]any{}})
	out := c.published(id)
	if kinds(out) != "busy comm_close idle" || out[1].content["comm_id"] != "c1" {
		t.Errorf("published %q", kinds(out))
	}
	id = c.request(c.shell, "comm_msg", map[string]any{"comm_id": "c1", "data": map[string]any{}})
	if got := kinds(c.published(id)); got != "busy idle" {
		t.Errorf("published %q", got)
	}
}
