package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"goalgap/kernel/worker"
)

// listen answers the questions of cells from the terminal while a cell runs. It returns a function that ends this.
func (r *repl) listen() (end func()) {
	client := r.session.Worker()
	if !r.terminal || client == nil {
		return func() {}
	}
	over := make(chan struct{})
	client.Control(func(e worker.Event) {
		if e.Kind == "input" {
			go r.answer(client, e.Question, over)
		}
	}, true)
	return func() { close(over) }
}

// answer asks the user for a line. The terminal is as it was when the console began: it echoes and lets the line be edited,
// and Ctrl-C is a signal, which ends the cell and so the question.
func (r *repl) answer(client *worker.Client, q worker.Question, over <-chan struct{}) {
	r.print(os.Stdout, q.Prompt)
	in := int(os.Stdin.Fd())
	// Opened anew, it can be read without waiting: a reader that waits could outlive the cell and take what the user types
	// for the next one.
	if tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		defer unix.Close(tty)
		in = tty
	}
	loud := func() {}
	if q.Password {
		if state, err := unix.IoctlGetTermios(in, getTermios); err == nil {
			quiet := *state
			quiet.Lflag &^= unix.ECHO
			if unix.IoctlSetTermios(in, setTermios, &quiet) == nil {
				loud = func() { unix.IoctlSetTermios(in, setTermios, state) }
			}
		}
	}
	line, err := readUntil(in, over)
	loud() // before the cell goes on, behind which the terminal is the editor's
	if err != nil {
		if errors.Is(err, io.EOF) {
			r.session.Interrupt() // Ctrl-D: there is no answer
		}
		return
	}
	r.mu.Lock()
	r.midline = false // the user's return key
	r.mu.Unlock()
	if q.Password {
		r.print(os.Stdout, "\n")
	}
	client.Answer(q.Number, line)
}

var errOver = errors.New("the cell has ended")

// readUntil reads a line from a terminal that is not in raw mode, unless over is closed first.
func readUntil(in int, over <-chan struct{}) (string, error) {
	const look = 50 * time.Millisecond
	line := ""
	b := make([]byte, 4096)
	for {
		select {
		case <-over:
			return "", errOver
		default:
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(in), Events: unix.POLLIN}}, int(look.Milliseconds()))
		if errors.Is(err, unix.EINTR) || err == nil && ready == 0 {
			continue
		}
		if err != nil {
			return "", err
		}
		n, err := unix.Read(in, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN): // there was something to read, and then there was not
			time.Sleep(look)
			continue
		case err != nil:
			return "", err
		case n == 0 && line == "":
			return "", io.EOF
		}
		line += string(b[:n])
		if text, whole := strings.CutSuffix(line, "\n"); whole || n == 0 {
			return text, nil
		}
	}
}

// live is a display that can be drawn again in its place: the last line of the terminal, if it still is.
type live struct {
	id    string
	text  string
	shown bool // on the last line, and nothing behind it
	dirty bool // the text has not been printed
}

// update shows a display that has one line and an identity: at a terminal in its place, in a pipe when the cell has ended.
func (r *repl) update(id, text string) {
	r.mu.Lock()
	inPlace := r.terminal && r.editor == nil && r.live.shown && r.live.id == id
	r.mu.Unlock()
	switch {
	case inPlace:
		r.print(os.Stdout, "\r\x1b[K"+fit(text))
	case r.terminal:
		r.freshLine()
		r.print(os.Stdout, fit(text))
	default:
		r.flushLive(id)
		r.mu.Lock()
		r.live = live{id: id, text: text, dirty: true}
		r.mu.Unlock()
		return
	}
	r.mu.Lock()
	r.live = live{id: id, shown: true}
	r.mu.Unlock()
}

// flushLive prints what a pipe has not been told of a display, unless it is the one named.
func (r *repl) flushLive(except string) {
	r.mu.Lock()
	l := r.live
	dirty := l.dirty && l.id != except
	if dirty {
		r.live = live{}
	}
	r.mu.Unlock()
	if dirty {
		r.freshLine()
		r.print(os.Stdout, l.text+"\n")
	}
}

// fit cuts a line to the width of the terminal: one that wraps could not be drawn again.
func fit(text string) string {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if runes := []rune(text); err == nil && len(runes) >= width {
		return string(runes[:max(0, width-2)]) + "…"
	}
	return text
}
