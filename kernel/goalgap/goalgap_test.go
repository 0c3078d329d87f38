package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "goalgap-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "goalgap")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// book writes a notebook with these code cells; the first one is tagged "parameters".
func book(t *testing.T, language string, cells ...string) string {
	t.Helper()
	var list []any
	for i, c := range cells {
		md := map[string]any{}
		if i == 0 {
			md["tags"] = []string{"parameters"}
		}
		list = append(list, map[string]any{"cell_type": "code", "metadata": md, "source": c, "outputs": []any{}, "execution_count": nil})
	}
	b, err := json.Marshal(map[string]any{"cells": list, "nbformat": 4, "nbformat_minor": 5,
		"metadata": map[string]any{"kernelspec": map[string]any{"language": language}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "book.ipynb")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type result struct {
	status         int
	stdout, stderr string
}

func goalgap(t *testing.T, args ...string) result {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestRunWritesNotebookAndReportAndPrintsTheVerdict(t *testing.T) {
	path := book(t, "go", "n := 2", "display.Verdict{Claim: \"n is even\", Outcome: \"supported\", Because: fmt.Sprint(\"n = \", n)}")
	out := filepath.Join(t.TempDir(), "out")
	r := goalgap(t, "run", path, "-p", "n=4", "-o", out)
	if r.status != 0 || !strings.Contains(r.stdout, "supported: n = 4") {
		t.Fatalf("got %+v", r)
	}
	for _, f := range []string{"book.ipynb", "book.html"} {
		if b, err := os.ReadFile(filepath.Join(out, f)); err != nil || !strings.Contains(string(b), "n = 4") {
			t.Errorf("%s: %v", f, err)
		}
	}
	if b, _ := os.ReadFile(path); strings.Contains(string(b), "n = 4") {
		t.Error("the notebook itself was changed")
	}
	// An executed notebook can be run again with other values, and rendered.
	if r := goalgap(t, "run", filepath.Join(out, "book.ipynb"), "--inplace", "-p=n=6"); r.status != 0 || !strings.Contains(r.stdout, "n = 6") || strings.Contains(r.stdout, "n = 4") {
		t.Errorf("got %+v", r)
	}
	os.RemoveAll("reports")
	if r := goalgap(t, "render", filepath.Join(out, "book.ipynb"), "-o", out); r.status != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestFailingCellNamesCellLineAndCause(t *testing.T) {
	path := book(t, "go", "n := 2", "fmt.Println(\"before\")\nvar xs []int\nxs[n]", "fmt.Println(\"not reached\")")
	out := t.TempDir()
	r := goalgap(t, "run", path, "-o", out)
	if r.status != 1 || !strings.Contains(r.stderr, "cell [2], line 3: panic: runtime error: index out of range [2] with length 0") {
		t.Errorf("got %+v", r)
	}
	b, err := os.ReadFile(filepath.Join(out, "book.html"))
	if err != nil || !strings.Contains(string(b), "before") || !strings.Contains(string(b), "index out of range") {
		t.Errorf("the report up to the failure is missing: %v", err)
	}
}

func TestWrongInputIsOneSentenceAndStatus2(t *testing.T) {
	good := book(t, "go", "n := 2\nname := \"a\"")
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.ipynb")
	if err := os.WriteFile(broken, []byte("{\"cells\": ["), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no command":         {nil, "goalgap run NOTEBOOK"},
		"unknown command":    {[]string{"walk"}, "there is no command \"walk\""},
		"unknown option":     {[]string{"run", good, "--fast"}, "has no option --fast"},
		"no notebook":        {[]string{"run"}, "run wants a notebook"},
		"missing file":       {[]string{"run", filepath.Join(dir, "none.ipynb"), "-o", out}, "no such file"},
		"broken JSON":        {[]string{"run", broken, "-o", out}, "is not valid JSON"},
		"other language":     {[]string{"run", book(t, "python", "1"), "-o", out}, "is in python, not in Go"},
		"output is a file":   {[]string{"run", good, "-o", file}, "cannot be made"},
		"output under /proc": {[]string{"run", good, "-o", "/proc/reports"}, "cannot be"},
		"onto itself":        {[]string{"run", good, "-o", filepath.Dir(good)}, "would overwrite"},
		"unknown parameter":  {[]string{"run", good, "-o", out, "-p", "m=1"}, "there is no parameter \"m\""},
		"wrong type":         {[]string{"run", good, "-o", out, "-p", "n=two"}, "parameter n is of type int"},
		"no value":           {[]string{"run", good, "-p", "n"}, "wants name=value"},
		"render missing":     {[]string{"render", filepath.Join(dir, "none.ipynb")}, "no such file"},
		"kernel without":     {[]string{"kernel"}, "connection file"},
		"connection missing": {[]string{"kernel", "-f", filepath.Join(dir, "none.json")}, "no such file"},
	} {
		r := goalgap(t, test.args...)
		if r.status != 2 || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: status %d, message %q", name, r.status, r.stderr)
		}
		if name != "no command" && strings.Count(strings.TrimSpace(r.stderr), "\n") != 0 {
			t.Errorf("%s: the message has several lines: %q", name, r.stderr)
		}
	}
	if strings.Contains(goalgap(t, "run", good, "-o", out, "-p", "m=1").stderr, "n int, name string") == false {
		t.Error("the message does not list names and types")
	}
	if entries, _ := os.ReadDir(out); len(entries) != 0 {
		t.Errorf("wrong input wrote %d files", len(entries))
	}
	if b, _ := os.ReadFile(broken); string(b) != "{\"cells\": [" {
		t.Error("the broken notebook was overwritten")
	}
}

func TestInterruptWritesWhatThereIs(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	cmd := exec.Command(path, "run", book(t, "go", "n := 2", "fmt.Println(\"it runs\")\nfor {}"), "-o", out)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := ""
	buf := make([]byte, 4096)
	for !strings.Contains(text, "it runs") {
		n, err := pipe.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, text)
		}
		text += string(buf[:n])
	}
	cmd.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	for {
		if _, err := pipe.Read(buf); err != nil {
			break
		}
	}
	cmd.Wait()
	if s := cmd.ProcessState.ExitCode(); s != 130 {
		t.Errorf("exit status %d", s)
	}
	for _, f := range []string{"book.ipynb", "book.html"} {
		if b, err := os.ReadFile(filepath.Join(out, f)); err != nil || !strings.Contains(string(b), "it runs") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// The three things that can be missing, each by an environment in which it is.
func TestMissingToolchainIsOneSentenceWithTheRemedy(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	onlyGo := t.TempDir()
	if err := os.Symlink(realGo, filepath.Join(onlyGo, "go")); err != nil {
		t.Fatal(err)
	}
	nb := book(t, "go", "1")
	for name, test := range map[string]struct{ env, want string }{
		"no C compiler": {"PATH=" + onlyGo, "no C compiler was found"},
		"no cgo":        {"CGO_ENABLED=0", "cgo is switched off"},
	} {
		cmd := exec.Command(path, "run", nb, "-o", t.TempDir())
		cmd.Env = append(os.Environ(), test.env)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), test.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: status %d, %q", name, cmd.ProcessState.ExitCode(), out)
		}
	}
}

func TestInstallWritesAKernelspec(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("JUPYTER_DATA_DIR", dir)
	if r := goalgap(t, "install"); r.status != 0 {
		t.Fatalf("got %+v", r)
	}
	b, err := os.ReadFile(filepath.Join(dir, "kernels", "goalgap", "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Argv          []string `json:"argv"`
		Language      string   `json:"language"`
		InterruptMode string   `json:"interrupt_mode"`
	}
	if err := json.Unmarshal(b, &spec); err != nil || spec.Language != "go" || spec.InterruptMode != "message" || len(spec.Argv) != 4 {
		t.Errorf("got %s, %v", b, err)
	}
	if _, err := os.Stat(spec.Argv[0]); err != nil {
		t.Error(err)
	}
	if r := goalgap(t, "uninstall"); r.status != 0 {
		t.Errorf("got %+v", r)
	}
	if r := goalgap(t, "uninstall"); r.status != 2 {
		t.Errorf("got %+v", r)
	}
}
