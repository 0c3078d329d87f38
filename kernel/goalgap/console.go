package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"goalgap/kernel/notebook"
)

// console shows how far a notebook is: on a terminal the last line moves, elsewhere lines come at intervals.
type console struct {
	mu       sync.Mutex
	f        *os.File
	terminal bool
	moving   bool // the last line is a progress line without its newline
	last     time.Time
	cell     time.Time
	line     string // unfinished line of output
}

func newConsole(f *os.File) *console {
	c := &console{f: f}
	if info, err := f.Stat(); err == nil {
		c.terminal = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	return c
}

// note writes a line of its own.
func (c *console) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.println(text)
}

func (c *console) println(text string) {
	if c.moving {
		fmt.Fprint(c.f, "\r\x1b[K")
		c.moving = false
	}
	fmt.Fprintln(c.f, text)
}

// linesEvery is how often progress is printed where it cannot be drawn over.
const linesEvery = 5 * time.Second

func (c *console) progress(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminal {
		if utf8.RuneCountInString(line) > 100 {
			line = string([]rune(line)[:100])
		}
		fmt.Fprintf(c.f, "\r\x1b[K      %s", line)
		c.moving = true
		return
	}
	if time.Since(c.last) >= linesEvery {
		c.last = time.Now()
		c.println("      " + line)
	}
}

func (c *console) observer() notebook.Observer {
	return notebook.Observer{
		Cell: func(_, number, total int, cell *notebook.Cell) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.cell, c.last, c.line = time.Now(), time.Now(), ""
			c.println(fmt.Sprintf("[%d/%d] %s", number, total, headline(cell.Source)))
		},
		Stream: func(_, text string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.line += text
			for {
				l, rest, ok := strings.Cut(c.line, "\n")
				if !ok {
					return
				}
				c.println("      " + l)
				c.line = rest
			}
		},
		Progress: c.progress,
		Done: func(_ *notebook.Cell, err *notebook.CellError) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.line != "" {
				c.println("      " + c.line)
				c.line = ""
			}
			if d := time.Since(c.cell); err == nil && d > time.Second {
				c.println(fmt.Sprintf("      done in %s", d.Round(100*time.Millisecond)))
			}
			if err != nil {
				for _, l := range err.Failure.Traceback {
					c.println("      " + l)
				}
			}
		},
	}
}

// headline is a cell's first line that says something: a comment without its slashes, or code.
func headline(source string) string {
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if text := strings.TrimSpace(strings.TrimPrefix(line, "//")); text != "" {
			if utf8.RuneCountInString(text) > 80 {
				text = string([]rune(text)[:79]) + "…"
			}
			return text
		}
	}
	return ""
}
