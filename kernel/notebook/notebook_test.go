package notebook

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"goalgap/kernel/worker"
)

const sample = `{
 "cells": [
  {"cell_type": "markdown", "id": "m1", "metadata": {"mine": 1}, "source": ["# Title\n", "Text with | a table\n"]},
  {"cell_type": "code", "id": "c1", "metadata": {"tags": ["parameters"]}, "source": "x := 1", "outputs": [
    {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
    {"output_type": "display_data", "data": {"image/png": "iVBORw0=", "text/plain": ["p"]}, "metadata": {}},
    {"output_type": "error", "ename": "panic", "evalue": "v", "traceback": ["\u001b[31mpanic\u001b[0m: <v>"]}
  ], "execution_count": 7}
 ],
 "metadata": {"kernelspec": {"language": "go", "name": "goalgap", "display_name": "Go"}, "custom": [1.50, 12345678901234567890]},
 "nbformat": 4, "nbformat_minor": 5
}`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nb.ipynb")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsNotUnderstoodIsKept(t *testing.T) {
	nb, err := Read(write(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	b, err := nb.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(write(t, string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(nb.raw["metadata"], again.raw["metadata"]) || !strings.Contains(string(b), "12345678901234567890") {
		t.Errorf("the metadata changed: %v", again.raw["metadata"])
	}
	for i := range nb.Cells {
		a, b := *nb.Cells[i], *again.Cells[i]
		a.raw, b.raw = nil, nil
		if !reflect.DeepEqual(a, b) {
			t.Errorf("cell %d changed from %+v to %+v", i, a, b)
		}
	}
	if nb.Title() != "Title" || nb.Language() != "go" {
		t.Errorf("title %q, language %q", nb.Title(), nb.Language())
	}
}

func TestBadNotebooksAreRefusedInOneSentence(t *testing.T) {
	for name, text := range map[string]string{
		"is not valid JSON":           `{"cells": [`,
		"has nbformat 3":              `{"nbformat": 3, "cells": []}`,
		"has no list of cells":        `{"nbformat": 4}`,
		"cell 1 is not an object":     `{"nbformat": 4, "cells": [1]}`,
		"cell 1 has the unknown type": `{"nbformat": 4, "cells": [{"cell_type": "heading"}]}`,
		"the source of cell 1 is":     `{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}`,
	} {
		_, err := Read(write(t, text))
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.ipynb")); !errors.Is(err, ErrInput) {
		t.Errorf("a missing file: got %v", err)
	}
	nb, err := Read(write(t, strings.Replace(sample, `"language": "go"`, `"language": "python"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := nb.CheckLanguage(); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "python") {
		t.Errorf("another language: got %v", err)
	}
}

func TestCollectorBuildsOutputsAsAFrontEndDoes(t *testing.T) {
	nb, err := Read(write(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(nb, Observer{})
	cell := nb.Cells[1]
	cell.Outputs = nil
	c.begin(cell)
	for _, e := range []worker.Event{
		{Kind: "stdout", Text: "a"}, {Kind: "stdout", Text: "b\n"}, {Kind: "stderr", Text: "e"},
		{Kind: "display", Data: map[string]any{"text/plain": "1"}, Transient: map[string]any{"display_id": "i"}},
		{Kind: "update", Data: map[string]any{"text/plain": "2"}, Transient: map[string]any{"display_id": "i"}},
		{Kind: "result", Data: map[string]any{"text/plain": "r"}},
	} {
		c.Event(e)
	}
	want := []Output{
		{Kind: "stream", Stream: "stdout", Text: "ab\n"}, {Kind: "stream", Stream: "stderr", Text: "e"},
		{Kind: "display_data", Data: map[string]any{"text/plain": "2"}, displayID: "i"},
		{Kind: "execute_result", Data: map[string]any{"text/plain": "r"}},
	}
	if !reflect.DeepEqual(cell.Outputs, want) {
		t.Errorf("got %+v", cell.Outputs)
	}
	c.Event(worker.Event{Kind: "clear", Wait: true})
	if len(cell.Outputs) != 4 {
		t.Error("clear with wait did not wait")
	}
	c.Event(worker.Event{Kind: "stdout", Text: "new"})
	if len(cell.Outputs) != 1 || cell.Outputs[0].Text != "new" {
		t.Errorf("got %+v", cell.Outputs)
	}
}

func TestReportIsSelfContained(t *testing.T) {
	nb, err := Read(write(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(nb.Path)
	if err := os.WriteFile(filepath.Join(dir, "local.png"), []byte("\x89PNG"), 0o600); err != nil {
		t.Fatal(err)
	}
	nb.Cells[0].Source += "\n![far](https://example.com/far.png) ![near](local.png) [link](https://example.com/)\n<script src=\"https://example.com/x.js\"></script>\n"
	nb.Cells[1].Outputs = append(nb.Cells[1].Outputs,
		Output{Kind: "display_data", Data: map[string]any{"text/html": `<table><tr><td>1</td></tr></table><img src="//example.com/y.png"><iframe src="https://example.com"></iframe>`}},
		Output{Kind: "display_data", Data: map[string]any{"image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg"/>`}})
	h, err := Render(nb, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	page := string(h)
	for _, bad := range []string{`src="http`, `src="//`, "<script", "<iframe", "<link", "@import", "\x1b"} {
		if strings.Contains(page, bad) {
			t.Errorf("the report contains %q", bad)
		}
	}
	for _, want := range []string{"<title>Title</title>", "data:image/png;base64,iVBORw0=", "data:image/png;base64,iVBORw==",
		"data:image/svg+xml;base64,", "<td>1</td>", `<a href="https://example.com/">link</a>`, "&lt;v&gt;", `<span class="red">panic</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
}

func TestFilesAreReplacedInOneStep(t *testing.T) {
	path := write(t, "old")
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != "new" {
		t.Errorf("got %q, %v", b, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

// The output of a cell must survive being written by goalgap and read by anything that reads JSON.
func TestEncodedNotebookIsJSON(t *testing.T) {
	nb, err := Read(write(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	b, err := nb.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Cells []struct {
			Outputs []struct {
				Data map[string]any `json:"data"`
			} `json:"outputs"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if got := v.Cells[1].Outputs[1].Data["image/png"]; got != "iVBORw0=" {
		t.Errorf("the picture is %v", got)
	}
}
