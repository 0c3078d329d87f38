package tensorboard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Scalar is a number of a run at one step.
type Scalar struct {
	Tag   string
	Step  int64
	Value float32
	Time  time.Time // when it was written
}

// ReadScalars returns the scalars of an event file, whoever wrote it, in the order of the file: simple values, and float
// tensors of rank 0. Other events are passed over. Where the file ends within a record, as it does while it is being
// written, what is before is returned without an error. A file of another kind, checksums that do not fit and malformed
// messages are errors, and what is before them is returned as well.
func ReadScalars(r io.Reader) ([]Scalar, error) {
	var out []Scalar
	in := bufio.NewReader(r)
	for n := 0; ; n++ {
		data, err := readRecord(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return out, nil
		}
		var e event
		if err == nil {
			e, err = parseEvent(data)
		}
		if err == nil && n == 0 && !strings.HasPrefix(e.version, "brain.Event:") {
			err = fmt.Errorf("it has version %q, want one like %q: no event file", e.version, fileVersion)
		}
		if err != nil {
			return out, fmt.Errorf("tensorboard: reading record %d of an event file: %w", n, err)
		}
		whole, part := math.Modf(e.time)
		for _, s := range e.scalars {
			s.Step, s.Time = e.step, time.Unix(int64(whole), int64(part*1e9))
			out = append(out, s)
		}
	}
}
