package main

import (
	"os"
	"path/filepath"
	"strings"
)

// keptLines is how many lines the history keeps.
const keptLines = 1000

// pastLines are the lines that were typed into consoles, the newest last. What cannot be written is kept in memory.
type pastLines struct {
	path  string
	lines []string
}

// openHistory reads the history of the user's earlier consoles.
func openHistory() *pastLines {
	h := &pastLines{path: historyFile()}
	b, err := os.ReadFile(h.path)
	if err != nil {
		return h
	}
	h.lines = strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
	if n := len(h.lines); n > 2*keptLines {
		h.lines = h.lines[n-keptLines:]
		os.WriteFile(h.path, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
	}
	return h
}

func historyFile() string {
	folder := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(folder) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "goalgap", "history")
}

// Add remembers a line, unless it is empty or that before it. Lines are appended one by one: several consoles can be open.
func (h *pastLines) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(line + "\n")
}

// Len is the number of lines.
func (h *pastLines) Len() int { return len(h.lines) }

// At returns a line, 0 being the newest.
func (h *pastLines) At(i int) string { return h.lines[len(h.lines)-1-i] }
