package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"goalgap/kernel/worker/cell"
)

// stdin gives cells a standard input that asks the front end's user.
//
// Each run has a pipe of its own behind os.Stdin. A cell waits for input when some goroutine is in a Read of that file
// and the pipe is empty; then the kernel is asked for a line, which is written into the pipe.
type stdin struct {
	send     func(reply)
	original os.File  // keeps descriptor 0 open
	file     *os.File // what cells know as os.Stdin; its inside is exchanged
	works    bool     // whether reading can be noticed

	mu      sync.Mutex
	read    *os.File
	write   *os.File
	run     int64
	allowed bool
	asked   int64 // number of the question that waits for an answer, 0 if none
	next    int64
	answer  chan string // where the answer goes, nil: into the pipe
	stopped bool        // an interrupt came while the cell waited
	over    chan struct{}
	paused  bool          // nobody looks whether the cell waits for input
	change  chan struct{} // closed when paused changes
}

// question is what the kernel is asked.
type question struct {
	Prompt   string `json:"prompt"`
	Password bool   `json:"password"`
	Number   int64  `json:"number"`
}

// pollInput is how often it is checked whether a cell waits for input.
const pollInput = 15 * time.Millisecond

var errNoInput = errors.New("reading input: this front end does not offer it")

func newStdin(send func(reply)) *stdin {
	s := &stdin{send: send, original: *os.Stdin, file: os.Stdin, change: make(chan struct{})}
	s.works = readingIsSeen()
	return s
}

func newPipe(name string) (read, write *os.File, err error) {
	var p [2]int
	syscall.ForkLock.RLock() // what is started meanwhile must not get the pipe
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p[:]); err != nil {
		return nil, nil, fmt.Errorf("making a pipe for standard input: %w", err)
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		unix.SetNonblock(fd, true) // so that closing the file wakes a reader
	}
	return os.NewFile(uintptr(p[0]), name), os.NewFile(uintptr(p[1]), name), nil
}

// reading reports whether some goroutine is in a Read of f: its lock for readers is the second bit of the first word in
// the file's inside (internal/poll.fdMutex). readingIsSeen makes sure of that.
func reading(f *os.File) bool {
	return atomic.LoadUint64(*(**uint64)(unsafe.Pointer(f)))&2 != 0
}

func readingIsSeen() bool {
	r, w, err := newPipe("test")
	if err != nil {
		return false
	}
	defer w.Close()
	if reading(r) {
		return false
	}
	done := make(chan struct{})
	go func() {
		r.Read(make([]byte, 1))
		close(done)
	}()
	seen := false
	for deadline := time.Now().Add(time.Second); !seen && time.Now().Before(deadline); time.Sleep(100 * time.Microsecond) {
		seen = reading(r)
	}
	r.Close()
	<-done
	return seen
}

// begin opens the input of a run.
func (s *stdin) begin(run int64, allowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run, s.allowed, s.stopped, s.asked = run, allowed && s.works, false, 0
	name := "standard input"
	if !s.allowed {
		name += ", which this front end does not offer"
	}
	r, w, err := newPipe(name)
	if err != nil {
		return
	}
	s.read, s.write, s.over = r, w, make(chan struct{})
	*s.file = *r
	if !s.works {
		r.Close()
		return
	}
	go s.watch(r, s.over)
}

// end closes the input of a run; who still reads gets an error. It reports whether the cell was interrupted while it
// waited for input.
func (s *stdin) end() (interrupted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		close(s.over)
		s.over = nil
		s.read.Close()
		s.write.Close()
	}
	s.asked, s.answer = 0, nil
	return s.stopped
}

// interrupt ends the waiting for input.
func (s *stdin) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over == nil {
		return
	}
	s.stopped = s.stopped || s.asked != 0 || reading(s.read)
	s.read.Close()
	if s.answer != nil {
		close(s.answer)
	}
	s.asked, s.answer = 0, nil
}

// watch asks for input whenever the cell waits for it.
func (s *stdin) watch(r *os.File, over chan struct{}) {
	ticker := time.NewTicker(pollInput)
	defer ticker.Stop()
	waited := 0 // how many looks in turn found a reader and nothing to read: one alone may be about to return
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
		}
		if !s.awaitEndOfPause(ticker, over) {
			return
		}
		if !reading(r) || available(r) {
			waited = 0
			continue
		}
		if waited++; waited < 2 {
			continue
		}
		s.mu.Lock()
		switch {
		case s.over != over || s.asked != 0 || s.stopped:
		case !s.allowed:
			s.mu.Unlock()
			fmt.Fprintln(os.Stderr, "this cell reads standard input, which this front end does not offer")
			r.Close()
			return
		default:
			s.ask(question{}, nil)
			waited = 0
		}
		s.mu.Unlock()
	}
}

// pause says whether to stop looking for a cell that waits for input: without that, no timer of the worker's is set.
func (s *stdin) pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused != on {
		s.paused = on
		close(s.change)
		s.change = make(chan struct{})
	}
}

// awaitEndOfPause returns at once unless there is a pause. It reports whether the run goes on.
func (s *stdin) awaitEndOfPause(ticker *time.Ticker, over chan struct{}) bool {
	for {
		s.mu.Lock()
		paused, change := s.paused, s.change
		s.mu.Unlock()
		if !paused {
			return true
		}
		ticker.Stop()
		select {
		case <-over:
			return false
		case <-change:
		}
		ticker.Reset(pollInput)
	}
}

// available reports whether there is something to read.
func available(f *os.File) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	c.Control(func(fd uintptr) { n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) })
	return n > 0
}

// ask sends a question. s.mu is held.
func (s *stdin) ask(q question, answer chan string) {
	s.next++
	q.Number = s.next
	s.asked, s.answer = q.Number, answer
	data, err := json.Marshal(q)
	if err != nil {
		return
	}
	go s.send(reply{Op: "input", ID: s.run, Data: data}) // writes to pipes, which may be full
}

// answered takes the user's answer to a question; one that nobody waits for any more is dropped.
func (s *stdin) answered(number int64, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == 0 || number != s.asked {
		return
	}
	s.asked = 0
	if s.answer != nil {
		s.answer <- text
		s.answer = nil
		return
	}
	w := s.write
	go w.WriteString(text + "\n")
}

// question asks for a line by prompt: display.Input.
func (s *stdin) question(prompt string, password bool) (string, error) {
	for {
		s.mu.Lock()
		if s.over == nil || !s.allowed {
			s.mu.Unlock()
			return "", errNoInput
		}
		if s.stopped {
			s.mu.Unlock()
			return "", cell.ErrInterrupted
		}
		if s.asked == 0 {
			break
		}
		s.mu.Unlock() // another goroutine has a question
		time.Sleep(pollInput)
	}
	answer := make(chan string, 1)
	over := s.over
	s.ask(question{Prompt: prompt, Password: password}, answer)
	s.mu.Unlock()
	select {
	case text, ok := <-answer:
		if !ok {
			return "", cell.ErrInterrupted
		}
		return text, nil
	case <-over:
		return "", errNoInput
	}
}
