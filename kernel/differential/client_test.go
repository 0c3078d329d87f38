package differential

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// A kernel is a running kernel process and the sockets that it is spoken to with.
type kernel struct {
	pid   int
	shell zmq4.Socket
	iopub chan message
	key   []byte
	sent  int
}

type message struct {
	kind, parent string
	content      map[string]any
}

var errGone = errors.New("the kernel ended or does not answer")

// start starts a kernel; the path of its connection file comes behind the command's arguments.
func start(t testing.TB, environment []string, command ...string) *kernel {
	t.Helper()
	ports := freePorts(t, 5)
	k := &kernel{key: []byte("shared by both ends"), iopub: make(chan message, 10000)}
	connection, err := json.Marshal(map[string]any{
		"transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256", "key": string(k.key),
		"shell_port": ports[0], "iopub_port": ports[1], "stdin_port": ports[2], "control_port": ports[3], "hb_port": ports[4],
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connection.json")
	if err := os.WriteFile(file, connection, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], file)...)
	var said bytes.Buffer // what the kernel says itself, for when it does not start
	cmd.Stderr = &said
	cmd.Env = environment
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.pid = cmd.Process.Pid
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })

	dial := func(s zmq4.Socket, port int) zmq4.Socket {
		var err error
		for range 100 {
			if err = s.Dial(fmt.Sprintf("tcp://127.0.0.1:%d", port)); err == nil {
				return s
			}
			select {
			case <-ended:
				t.Fatalf("%s ended: %s", command[0], &said)
			default:
			}
		}
		t.Fatalf("%s: %v", command[0], err)
		return nil
	}
	k.shell = dial(zmq4.NewDealer(ctx), ports[0])
	sub := dial(zmq4.NewSub(ctx), ports[1])
	if err := sub.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			m, err := sub.Recv()
			if err != nil {
				return
			}
			if d, err := k.decode(m); err == nil {
				k.iopub <- d
			}
		}
	}()
	// A subscription takes a moment to arrive: questions are asked until one of them shows on iopub.
	for range 100 {
		if err := k.send("kernel_info_request", map[string]any{}); err != nil {
			t.Fatalf("%s: %v", command[0], err)
		}
		select {
		case <-k.iopub:
			time.Sleep(50 * time.Millisecond)
			return k
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not answer", command[0])
	return nil
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
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

func (k *kernel) sign(frames [][]byte) []byte {
	mac := hmac.New(sha256.New, k.key)
	for _, f := range frames {
		mac.Write(f)
	}
	return []byte(hex.EncodeToString(mac.Sum(nil)))
}

func (k *kernel) id() string { return fmt.Sprintf("question-%d", k.sent) }

func (k *kernel) send(kind string, content any) error {
	k.sent++
	header, err := json.Marshal(map[string]any{"msg_id": k.id(), "msg_type": kind, "session": "differential", "username": "test",
		"version": "5.3", "date": time.Now().UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return err
	}
	body, err := json.Marshal(content)
	if err != nil {
		return err
	}
	frames := [][]byte{header, []byte("{}"), []byte("{}"), body}
	return k.shell.SendMulti(zmq4.NewMsgFrom(append([][]byte{[]byte("<IDS|MSG>"), k.sign(frames)}, frames...)...))
}

func (k *kernel) decode(m zmq4.Msg) (message, error) {
	at := slices.IndexFunc(m.Frames, func(f []byte) bool { return string(f) == "<IDS|MSG>" })
	if at < 0 || len(m.Frames) < at+6 {
		return message{}, errors.New("malformed")
	}
	frames := m.Frames[at+2 : at+6]
	if !hmac.Equal(k.sign(frames), m.Frames[at+1]) {
		return message{}, errors.New("badly signed")
	}
	var header, parent struct {
		ID   string `json:"msg_id"`
		Kind string `json:"msg_type"`
	}
	out := message{}
	for _, err := range []error{json.Unmarshal(frames[0], &header), json.Unmarshal(frames[1], &parent), json.Unmarshal(frames[3], &out.content)} {
		if err != nil {
			return message{}, err
		}
	}
	out.kind, out.parent = header.Kind, parent.ID
	return out, nil
}

// An outcome is what a cell did, as its reader sees it.
type outcome struct {
	failed bool
	shown  string // standard output, then what was displayed: type and content
	error  string
	ended  time.Time
}

// execute runs a cell.
func (k *kernel) execute(cell string, patience time.Duration) (outcome, error) {
	err := k.send("execute_request", map[string]any{"code": cell, "silent": false, "store_history": true,
		"user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": false})
	if err != nil {
		return outcome{}, errGone
	}
	var out outcome
	var printed, displayed strings.Builder
	var idle <-chan time.Time
	for deadline := time.After(patience); ; {
		select {
		case <-idle:
			out.shown = printed.String() + displayed.String()
			return out, nil
		case m := <-k.iopub:
			if m.parent != k.id() {
				continue
			}
			switch m.kind {
			case "stream":
				if m.content["name"] == "stdout" {
					fmt.Fprint(&printed, m.content["text"])
				}
			case "error":
				out.failed = true
				out.error = fmt.Sprint(m.content["evalue"])
			case "execute_result", "display_data":
				displayed.WriteString(bundle(m.content["data"]))
			case "status":
				if m.content["execution_state"] == "idle" {
					out.ended = time.Now()
					idle = time.After(100 * time.Millisecond) // gophernotes can be idle before all output is sent
				}
			}
		case <-deadline:
			return outcome{}, errGone
		}
	}
}

// bundle writes the richest content of a display, one line for each MIME type; the text beside a richer form is each
// kernel's own affair.
func bundle(data any) string {
	m, _ := data.(map[string]any)
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		switch {
		case kind == "text/plain" && len(m) == 1:
			fmt.Fprintf(&b, "%v\n", m[kind])
		case kind != "text/plain":
			fmt.Fprintf(&b, "%s: %v\n", kind, m[kind])
		}
	}
	return b.String()
}
