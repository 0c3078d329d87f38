package jupyter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// until returns what is published up to the first message of a kind.
func (c *client) until(kind string) *reply {
	c.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case m := <-c.iopub:
			if m.kind == kind {
				return m
			}
		case <-deadline:
			c.t.Fatalf("no %s within 20 s", kind)
		}
	}
}

func text(list []*reply, name string) string {
	var b strings.Builder
	for _, m := range list {
		if m.kind == "stream" && m.content["name"] == name {
			b.WriteString(m.content["text"].(string))
		}
	}
	return b.String()
}

func TestCellsReadInput(t *testing.T) {
	c := start(t)
	answer := func(prompt string, password bool, value string) {
		t.Helper()
		r := c.receive(c.stdin)
		if r.kind != "input_request" || r.content["prompt"] != prompt || r.content["password"] != password {
			t.Errorf("asked %v %v", r.kind, r.content)
		}
		c.request(c.stdin, "input_reply", map[string]any{"status": "ok", "value": value})
	}
	run := func(code string, answers func()) []*reply {
		t.Helper()
		id := c.request(c.shell, "execute_request", map[string]any{"code": code, "allow_stdin": true})
		answers()
		if r := c.receive(c.shell); r.content["status"] != "ok" {
			t.Errorf("got %v", r.content)
		}
		return c.published(id)
	}
	out := run("var name string\nvar n int\nfmt.Print(\"name? \")\nfmt.Scanln(&name)\nfmt.Scan(&n)\nfmt.Println(name, n*2)\nfmt.Fprintln(os.Stderr, n)", func() {
		answer("name? ", false, "Ünal")
		answer("", false, "21")
	})
	if got := text(out, "stdout"); got != "name? Ünal 42\n" {
		t.Errorf("printed %q", got)
	}
	out = run("in := bufio.NewReader(os.Stdin)\nline, _ := in.ReadString('\\n')\nfmt.Printf(\"%q\", line)", func() { answer("", false, "a b") })
	if got := text(out, "stdout"); got != `"a b\n"` {
		t.Errorf("printed %q", got)
	}
	out = run("fmt.Println(display.Input(\"who? \"))\nfmt.Println(display.Password(\"secret: \"))", func() {
		answer("who? ", false, "me")
		answer("secret: ", true, "x")
	})
	if got := text(out, "stdout"); got != "me <nil>\nx <nil>\n" {
		t.Errorf("printed %q", got)
	}

	// Where there is nobody to ask, reading fails at once.
	for _, code := range []string{"fmt.Scan(&n)", "display.Input(\"\")"} {
		began := time.Now()
		r, out := c.execute(code)
		if r.content["status"] != "error" || !strings.Contains(fmt.Sprint(r.content["evalue"]), "front end does not offer") {
			t.Errorf("%s: %v, stderr %q", code, r.content, text(out, "stderr"))
		}
		if time.Since(began) > 15*time.Second {
			t.Errorf("%s took %v", code, time.Since(began))
		}
	}

	// An interrupt ends the waiting, and an answer that comes later is dropped.
	for _, code := range []string{"fmt.Scan(&n)", "display.Input(\"\")"} {
		c.request(c.shell, "execute_request", map[string]any{"code": code, "allow_stdin": true})
		c.receive(c.stdin)
		began := time.Now()
		c.request(c.control, "interrupt_request", map[string]any{})
		c.receive(c.control)
		if r := c.receive(c.shell); r.content["ename"] != "interrupted" || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %v after %v", code, r.content, time.Since(began))
		}
		c.request(c.stdin, "input_reply", map[string]any{"value": "999"})
	}
	out = run("fmt.Scan(&n)\nfmt.Println(n, name)", func() { answer("", false, "7") })
	if got := text(out, "stdout"); got != "7 Ünal\n" {
		t.Errorf("printed %q", got)
	}
}

func TestOutputBelongsToTheCellThatStartedIt(t *testing.T) {
	c := start(t)
	id := c.request(c.shell, "execute_request", map[string]any{"code": "go func() {\n\ttime.Sleep(300 * time.Millisecond)\n\tfmt.Println(\"late\")\n\ttime.Sleep(2500 * time.Millisecond)\n\tdisplay.Show(\"shown\")\n}()"})
	c.receive(c.shell)
	if m := c.until("stream"); m.parent.ID != id || m.content["text"] != "late\n" {
		t.Errorf("got %v of %v", m.content, m.parent.ID)
	}
	second := c.request(c.shell, "execute_request", map[string]any{"code": "time.Sleep(4 * time.Second)\nfmt.Print(\"now\")"})
	if m := c.until("display_data"); m.parent.ID != id {
		t.Error("what a goroutine shows while another cell runs belongs to that one")
	}
	if m := c.until("stream"); m.parent.ID != second {
		t.Errorf("got %v of %v", m.content, m.parent.ID)
	}
	c.receive(c.shell)
}

func TestComms(t *testing.T) {
	c := start(t)
	r, _ := c.execute(`display.HandleComm("echo", func(c *display.Comm, m display.CommMessage) {
	c.Send(map[string]any{"opened": m.Data})
	c.OnMessage(func(m display.CommMessage) {
		fmt.Println("heard")
		c.Send(m.Data)
	})
	c.OnClose(func(display.CommMessage) { fmt.Println("closed") })
})`)
	if r.content["status"] != "ok" {
		t.Fatal(r.content)
	}
	id := c.request(c.shell, "comm_open", map[string]any{"comm_id": "c1", "target_name": "echo", "data": 5})
	if out := c.published(id); kinds(out) != "busy comm_msg idle" || fmt.Sprint(out[1].content["data"]) != "map[opened:5]" {
		t.Errorf("published %q", kinds(out))
	}
	open := func(target string) string {
		t.Helper()
		return fmt.Sprint(c.ask("comm_info_request", map[string]any{"target_name": target}).content["comms"])
	}
	if open("echo") != "map[c1:map[target_name:echo]]" || open("other") != "map[]" {
		t.Errorf("open are %s and %s", open("echo"), open("other"))
	}
	id = c.request(c.shell, "comm_msg", map[string]any{"comm_id": "c1", "data": map[string]any{"a": "ä"}})
	if out := c.published(id); text(out, "stdout") != "heard\n" || !strings.Contains(kinds(out), "comm_msg") {
		t.Errorf("published %q", kinds(out))
	}
	// Also while a cell runs.
	cell := c.request(c.shell, "execute_request", map[string]any{"code": "fmt.Println(\"on\")\nfor {\n}"})
	for m := c.until("stream"); m.parent.ID != cell; m = c.until("stream") {
	}
	id = c.request(c.shell, "comm_msg", map[string]any{"comm_id": "c1", "data": 1})
	if out := c.published(id); !strings.Contains(kinds(out), "comm_msg") {
		t.Errorf("published %q", kinds(out))
	}
	c.request(c.control, "interrupt_request", map[string]any{})
	c.receive(c.shell)
	id = c.request(c.shell, "comm_close", map[string]any{"comm_id": "c1", "data": map[string]any{}})
	if out := c.published(id); text(out, "stdout") != "closed\n" || open("") != "map[]" {
		t.Errorf("published %q", kinds(out))
	}
	// From the cell's side, up to the end of the worker.
	r, out := c.execute("mine, err := display.OpenComm(\"theirs\", map[string]int{\"n\": 1})\nmine.Send(2, []byte{1, 2})\nerr")
	if !strings.Contains(kinds(out), "comm_open comm_msg") || !strings.Contains(open(""), "theirs") {
		t.Errorf("got %v, published %q", r.content, kinds(out))
	}
	if _, out = c.execute("os.Exit(3)"); !strings.Contains(kinds(out), "comm_close") || open("") != "map[]" {
		t.Errorf("a new worker: published %q, open %s", kinds(out), open(""))
	}
}

func TestWidgets(t *testing.T) {
	c := start(t)
	r, out := c.execute("import \"goalgap/kernel/widget\"\ns := widget.NewSlider(\"n\", 0, 10, 5).OnChange(func(v int) { fmt.Println(\"now\", v) })\ns")
	if r.content["status"] != "ok" || kinds(out) != "busy execute_input comm_open comm_open comm_open execute_result idle" {
		t.Fatalf("%v, published %q", r.content, kinds(out))
	}
	id := c.request(c.shell, "comm_msg", map[string]any{"comm_id": out[4].content["comm_id"],
		"data": map[string]any{"method": "update", "state": map[string]any{"value": 8}, "buffer_paths": []any{}}})
	if out := c.published(id); text(out, "stdout") != "now 8\n" {
		t.Errorf("published %q", kinds(out))
	}
	if _, out := c.execute("s.Value()"); out[2].content["data"].(map[string]any)["text/plain"] != "8" {
		t.Errorf("the value is %v", out[2].content)
	}
}

func TestFloodsDoNotStopAnything(t *testing.T) {
	folder := t.TempDir()
	old := outputFolder
	outputFolder = func() (string, error) { return folder, nil }
	defer func() { outputFolder = old }()
	c := start(t)
	id := c.request(c.shell, "execute_request", map[string]any{"code": "line := strings.Repeat(\"x\", 9999)\nfor {\n\tfmt.Println(line)\n}"})
	var shown strings.Builder
	for m := c.until("stream"); m.content["name"] != "stderr"; m = c.until("stream") {
		shown.WriteString(m.content["text"].(string))
	}
	if shown.Len() < 11e6 {
		t.Errorf("only %d bytes were shown before the limit", shown.Len())
	}
	c.request(c.control, "interrupt_request", map[string]any{})
	c.receive(c.control)
	began := time.Now()
	if r := c.receive(c.shell); r.content["ename"] != "interrupted" || time.Since(began) > 3*time.Second {
		t.Errorf("got %v after %v", r.content, time.Since(began))
	}
	out := c.published(id)
	if s := text(out, "stderr"); !strings.Contains(s, "were left out") {
		t.Errorf("no notice: %q", s)
	}
}

func TestHelpGoesToThePager(t *testing.T) {
	c := start(t)
	c.execute("// half halves.\nfunc half(n int) int { return n / 2 }")
	r, out := c.execute("half?\nstrings.ToUpper?")
	if kinds(out) != "busy execute_input idle" {
		t.Errorf("published %q", kinds(out))
	}
	pages, _ := r.content["payload"].([]any)
	if len(pages) != 1 {
		t.Fatalf("got %v", r.content)
	}
	page := pages[0].(map[string]any)
	shown, _ := page["data"].(map[string]any)["text/plain"].(string)
	if page["source"] != "page" || !strings.Contains(shown, "half halves.") || !strings.Contains(shown, "func ToUpper(s string) string") {
		t.Errorf("the page is %v", page)
	}
	if r, _ := c.execute("half(4)"); len(r.content["payload"].([]any)) != 0 {
		t.Errorf("the page comes again: %v", r.content)
	}
}
