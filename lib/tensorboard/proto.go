package tensorboard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// message is a protocol buffer message under construction. Its fields are appended in order; numbers that are zero are
// left out by the caller, unless they are one of several alternatives (oneof), where being there says something.
// (https://protobuf.dev/programming-guides/encoding/)
type message []byte

// Wire types.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

func (m *message) key(field, wire int) { *m = binary.AppendUvarint(*m, uint64(field<<3|wire)) }

// int appends a field of type int32, int64, bool or an enum.
func (m *message) int(field int, x int64) {
	m.key(field, wireVarint)
	*m = binary.AppendUvarint(*m, uint64(x))
}

func (m *message) double(field int, x float64) {
	m.key(field, wire64)
	*m = binary.LittleEndian.AppendUint64(*m, math.Float64bits(x))
}

func (m *message) float(field int, x float32) {
	m.key(field, wire32)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(x))
}

// bytes appends a field of type string or bytes, or a message.
func (m *message) bytes(field int, x []byte) {
	m.key(field, wireBytes)
	*m = binary.AppendUvarint(*m, uint64(len(x)))
	*m = append(*m, x...)
}

func (m *message) string(field int, x string) { m.bytes(field, []byte(x)) }

// field is a field of a message that is read.
type field struct {
	number, wire int
	bits         uint64 // unless wire is wireBytes
	data         []byte // if wire is wireBytes
}

var errMessage = errors.New("a malformed protocol buffer")

// fields calls f with each field of a message, until it returns an error.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 >= 1<<29 {
			return errMessage
		}
		b = b[n:]
		x := field{number: int(key >> 3), wire: int(key & 7)}
		switch x.wire {
		case wireVarint:
			if x.bits, n = binary.Uvarint(b); n <= 0 {
				return errMessage
			}
		case wire64:
			if n = 8; len(b) < n {
				return errMessage
			}
			x.bits = binary.LittleEndian.Uint64(b)
		case wire32:
			if n = 4; len(b) < n {
				return errMessage
			}
			x.bits = uint64(binary.LittleEndian.Uint32(b))
		case wireBytes:
			length, head := binary.Uvarint(b)
			if head <= 0 || length > uint64(len(b)-head) {
				return errMessage
			}
			n = head + int(length)
			x.data = b[head:n]
		default:
			return fmt.Errorf("%w: wire type %d", errMessage, x.wire)
		}
		b = b[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
