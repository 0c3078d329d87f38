// Package notebook reads, executes, writes and renders notebook files (nbformat 4).
package notebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Notebook is a notebook file. What goalgap does not know of is kept as it was read.
type Notebook struct {
	Path  string // where it was read from
	Cells []*Cell
	raw   map[string]any
}

// A Cell of a notebook.
type Cell struct {
	Kind    string // "code", "markdown" or "raw"
	Source  string
	Count   int // execution count; 0 if not executed
	Outputs []Output
	raw     map[string]any
}

// Output is one output of a code cell.
type Output struct {
	Kind      string // "stream", "display_data", "execute_result" or "error"
	Stream    string // stream: "stdout" or "stderr"
	Text      string // stream
	Data      map[string]any
	Metadata  map[string]any
	Name      string // error
	Value     string // error
	Traceback []string
	displayID string
}

// ErrInput is wrapped by errors of files and parameters that a user gave: nothing was executed or written.
var ErrInput = errors.New("")

func inputError(format string, args ...any) error {
	return fmt.Errorf("%w%w", ErrInput, fmt.Errorf(format, args...))
}

// Read reads a notebook file.
func Read(path string) (*Notebook, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, inputError("notebook %s cannot be read: %w", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil {
		return nil, inputError("notebook %s is not valid JSON: %w%s", path, err, jsonPlace(b, err))
	}
	if v, _ := raw["nbformat"].(json.Number); v.String() != "4" {
		return nil, inputError("notebook %s has nbformat %v; goalgap reads format 4", path, raw["nbformat"])
	}
	list, ok := raw["cells"].([]any)
	if !ok {
		return nil, inputError("notebook %s has no list of cells", path)
	}
	nb := &Notebook{Path: path, raw: raw}
	for i, c := range list {
		m, ok := c.(map[string]any)
		if !ok {
			return nil, inputError("notebook %s: cell %d is not an object", path, i+1)
		}
		kind, _ := m["cell_type"].(string)
		if kind != "code" && kind != "markdown" && kind != "raw" {
			return nil, inputError("notebook %s: cell %d has the unknown type %v", path, i+1, m["cell_type"])
		}
		source, err := multiline(m["source"])
		if err != nil {
			return nil, inputError("notebook %s: the source of cell %d is %w", path, i+1, err)
		}
		cell := &Cell{Kind: kind, Source: source, raw: m}
		if n, ok := m["execution_count"].(json.Number); ok {
			if v, err := n.Int64(); err == nil {
				cell.Count = int(v)
			}
		}
		outputs, _ := m["outputs"].([]any)
		for _, o := range outputs {
			if om, ok := o.(map[string]any); ok {
				cell.Outputs = append(cell.Outputs, readOutput(om))
			}
		}
		nb.Cells = append(nb.Cells, cell)
	}
	return nb, nil
}

func jsonPlace(b []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	return fmt.Sprintf(" (line %d)", 1+bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n")))
}

// Language returns the language that the notebook says its cells are in, or "" if it does not say.
func (nb *Notebook) Language() string {
	md, _ := nb.raw["metadata"].(map[string]any)
	if spec, ok := md["kernelspec"].(map[string]any); ok {
		if l, ok := spec["language"].(string); ok && l != "" {
			return strings.ToLower(l)
		}
	}
	if info, ok := md["language_info"].(map[string]any); ok {
		if l, ok := info["name"].(string); ok {
			return strings.ToLower(l)
		}
	}
	return ""
}

// CheckLanguage refuses a notebook whose cells are not Go.
func (nb *Notebook) CheckLanguage() error {
	if l := nb.Language(); l != "" && l != "go" {
		return inputError("notebook %s is in %s, not in Go: only Go notebooks can be run", nb.Path, l)
	}
	return nil
}

// Tagged returns the first code cell with a tag, and its index; -1 if there is none.
func (nb *Notebook) Tagged(tag string) (int, *Cell) {
	for i, c := range nb.Cells {
		if c.Kind == "code" && slices.Contains(c.Tags(), tag) {
			return i, c
		}
	}
	return -1, nil
}

// Tags returns the cell's tags.
func (c *Cell) Tags() []string {
	md, _ := c.raw["metadata"].(map[string]any)
	list, _ := md["tags"].([]any)
	var tags []string
	for _, t := range list {
		if s, ok := t.(string); ok {
			tags = append(tags, s)
		}
	}
	return tags
}

// Insert puts a new code cell with tags at index i.
func (nb *Notebook) Insert(i int, source, id string, tags ...string) *Cell {
	list := make([]any, len(tags))
	for j, t := range tags {
		list[j] = t
	}
	c := &Cell{Kind: "code", Source: source, raw: map[string]any{
		"cell_type": "code", "id": id, "metadata": map[string]any{"tags": list},
	}}
	nb.Cells = slices.Insert(nb.Cells, i, c)
	return c
}

// Title returns the first heading, or the file's name.
func (nb *Notebook) Title() string {
	for _, c := range nb.Cells {
		if c.Kind != "markdown" {
			continue
		}
		for line := range strings.Lines(c.Source) {
			if t, ok := strings.CutPrefix(line, "# "); ok {
				return strings.TrimSpace(t)
			}
		}
	}
	return strings.TrimSuffix(filepath.Base(nb.Path), ".ipynb")
}

// Encode returns the notebook as a file, in the layout that Jupyter writes.
func (nb *Notebook) Encode() ([]byte, error) {
	cells := make([]any, len(nb.Cells))
	for i, c := range nb.Cells {
		m := map[string]any{}
		for k, v := range c.raw {
			m[k] = v
		}
		m["source"] = lines(c.Source)
		if c.Kind == "code" {
			outputs := make([]any, len(c.Outputs))
			for j, o := range c.Outputs {
				outputs[j] = o.encode(c.Count)
			}
			m["outputs"] = outputs
			m["execution_count"] = nil
			if c.Count > 0 {
				m["execution_count"] = c.Count
			}
		}
		cells[i] = m
	}
	all := map[string]any{}
	for k, v := range nb.raw {
		all[k] = v
	}
	all["cells"] = cells
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(all); err != nil {
		return nil, fmt.Errorf("encoding the notebook: %w", err)
	}
	return b.Bytes(), nil
}

// WriteFile writes b to path in one step: a reader sees the old file or the new one.
func WriteFile(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	_, err = tmp.Write(b)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), mode)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	return err
}

func multiline(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []any:
		var b strings.Builder
		for _, l := range v {
			s, ok := l.(string)
			if !ok {
				return "", errors.New("not a list of strings")
			}
			b.WriteString(s)
		}
		return b.String(), nil
	}
	return "", errors.New("neither a string nor a list of strings")
}

func lines(s string) []any {
	out := []any{}
	for l := range strings.Lines(s) {
		out = append(out, l)
	}
	return out
}

func readOutput(m map[string]any) Output {
	o := Output{}
	o.Kind, _ = m["output_type"].(string)
	switch o.Kind {
	case "stream":
		o.Stream, _ = m["name"].(string)
		o.Text, _ = multiline(m["text"])
	case "error":
		o.Name, _ = m["ename"].(string)
		o.Value, _ = m["evalue"].(string)
		list, _ := m["traceback"].([]any)
		for _, l := range list {
			if s, ok := l.(string); ok {
				o.Traceback = append(o.Traceback, s)
			}
		}
	default:
		o.Metadata, _ = m["metadata"].(map[string]any)
		data, _ := m["data"].(map[string]any)
		o.Data = map[string]any{}
		for k, v := range data {
			if textual(k) {
				if s, err := multiline(v); err == nil {
					v = s
				}
			}
			o.Data[k] = v
		}
	}
	return o
}

func textual(mimeType string) bool {
	return strings.HasPrefix(mimeType, "text/") || strings.HasPrefix(mimeType, "image/")
}

func (o Output) encode(count int) map[string]any {
	switch o.Kind {
	case "stream":
		return map[string]any{"output_type": "stream", "name": o.Stream, "text": lines(o.Text)}
	case "error":
		tb := make([]any, len(o.Traceback))
		for i, l := range o.Traceback {
			tb[i] = l
		}
		return map[string]any{"output_type": "error", "ename": o.Name, "evalue": o.Value, "traceback": tb}
	}
	data := map[string]any{}
	for k, v := range o.Data {
		s, ok := v.(string)
		switch {
		case ok && (strings.HasPrefix(k, "text/") || k == "image/svg+xml"):
			data[k] = lines(s)
		case ok && strings.HasPrefix(k, "image/"):
			data[k] = s
		default:
			data[k] = v
		}
	}
	md := o.Metadata
	if md == nil {
		md = map[string]any{}
	}
	m := map[string]any{"output_type": o.Kind, "data": data, "metadata": md}
	if o.Kind == "execute_result" {
		m["execution_count"] = nil
		if count > 0 {
			m["execution_count"] = count
		}
	}
	return m
}
