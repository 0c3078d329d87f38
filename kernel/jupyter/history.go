package jupyter

import (
	"encoding/json"
	"path"
	"slices"
	"sync"
)

// history is what was executed since the kernel started: session 1 of the protocol's answers. Of outputs, the text of a
// cell's value is kept.
type history struct {
	mu     sync.Mutex
	inputs []input
}

type input struct {
	line int
	code string
	out  any // text of the value, nil if there is none
}

func (h *history) add(line int, code string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inputs = append(h.inputs, input{line: line, code: code})
}

// result remembers the value of the cell with a number.
func (h *history) result(line int, text any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.inputs); n > 0 && h.inputs[n-1].line == line {
		h.inputs[n-1].out = text
	}
}

// answer answers a history_request: the last n inputs, a range of lines, or those that match a pattern of the shell.
func (h *history) answer(content json.RawMessage) any {
	var q struct {
		Output  bool   `json:"output"`
		Type    string `json:"hist_access_type"`
		Session int    `json:"session"` // 0 is the present one, a negative one counts back
		Start   int    `json:"start"`
		Stop    *int   `json:"stop"`
		N       int    `json:"n"`
		Pattern string `json:"pattern"`
		Unique  bool   `json:"unique"`
	}
	json.Unmarshal(content, &q)
	h.mu.Lock()
	found := slices.Clone(h.inputs)
	h.mu.Unlock()
	switch q.Type {
	case "range":
		found = slices.DeleteFunc(found, func(i input) bool {
			return q.Session != 0 && q.Session != 1 || i.line < q.Start || q.Stop != nil && i.line >= *q.Stop
		})
	case "search":
		found = slices.DeleteFunc(found, func(i input) bool { return !matches(q.Pattern, i.code) })
		if q.Unique {
			seen := map[string]bool{}
			slices.Reverse(found) // the last of equal ones stays
			found = slices.DeleteFunc(found, func(i input) bool {
				again := seen[i.code]
				seen[i.code] = true
				return again
			})
			slices.Reverse(found)
		}
	}
	if n := max(q.N, 0); q.Type == "tail" || q.N > 0 && q.Type == "search" {
		found = found[max(0, len(found)-n):]
	}
	list := []any{}
	for _, i := range found {
		var text any = i.code
		if q.Output {
			text = []any{i.code, i.out}
		}
		list = append(list, []any{1, i.line, text})
	}
	return map[string]any{"status": "ok", "history": list}
}

// matches compares with a pattern of * and ?, which stand for every character.
func matches(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	flat := func(s string) string { // path.Match stops at slashes
		b := []byte(s)
		for i := range b {
			if b[i] == '/' {
				b[i] = 1
			}
		}
		return string(b)
	}
	ok, err := path.Match(flat(pattern), flat(text))
	return ok && err == nil
}
