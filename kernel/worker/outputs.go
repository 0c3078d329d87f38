package worker

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A cell may close its standard output or error, or its descriptor; the cells after it have one again.

// keptOutputs returns copies of the standard output and error that no cell knows: the worker writes its marks there.
func keptOutputs() (kept [2]*os.File, err error) {
	for i, f := range []*os.File{os.Stdout, os.Stderr} {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return kept, fmt.Errorf("copying %s: %w", f.Name(), err)
		}
		kept[i] = os.NewFile(uintptr(fd), f.Name())
	}
	return kept, nil
}

// reopenOutputs puts a new file in the place of a standard output or error that is closed, also of one that a cell has put
// there. It is called before and after a run, as what is opened next would get the descriptor that a cell has closed.
func (s *server) reopenOutputs() {
	for i, f := range []**os.File{&os.Stdout, &os.Stderr} {
		fd, kept := i+1, int(s.streams[i].Fd())
		closed := *f == nil
		if !closed {
			_, err := (*f).Write(nil)
			closed = errors.Is(err, os.ErrClosed)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			closed = closed || (*f).Fd() == uintptr(fd)
			if unix.Dup2(kept, fd) != nil {
				continue
			}
		}
		if !closed {
			continue
		}
		if !sameFile(fd, kept) { // somebody else has it
			var err error
			if fd, err = unix.FcntlInt(uintptr(kept), unix.F_DUPFD_CLOEXEC, 0); err != nil {
				continue
			}
		}
		// The file is kept, as the garbage collector would close the descriptor with it.
		*f = os.NewFile(uintptr(fd), s.streams[i].Name())
		s.opened = append(s.opened, *f)
	}
}

// sameFile reports whether two descriptors are of the same file.
func sameFile(a, b int) bool {
	var x, y unix.Stat_t
	return unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}
