package tensorboard

import (
	"math"
	"strings"
	"time"
)

// The messages of an event file and the numbers of their fields: event.proto, summary.proto, tensor.proto and
// tensor_shape.proto in TensorBoard's tensorboard/compat/proto, plugin_data.proto in its plugins/hparams.

// fileVersion is what the first event of a file says.
const fileVersion = "brain.Event:2"

// newEvent begins an Event.
func newEvent(at time.Time, step int) (m message) {
	m.double(1, seconds(at))
	if step != 0 {
		m.int(2, int64(step))
	}
	return m
}

// seconds returns the time since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func fileVersionEvent(at time.Time) message {
	m := newEvent(at, 0)
	m.string(3, fileVersion)
	return m
}

// restartEvent makes TensorBoard forget what earlier files of a run say of step and what is after it.
func restartEvent(at time.Time, step int) message {
	const start = 1
	var log message
	log.int(1, start)
	m := newEvent(at, step)
	m.bytes(7, log)
	return m
}

// summaryEvent is an Event with a Summary of the given Values.
func summaryEvent(at time.Time, step int, values ...message) message {
	var summary message
	for _, v := range values {
		summary.bytes(1, v)
	}
	m := newEvent(at, step)
	m.bytes(5, summary)
	return m
}

// newValue begins a Summary.Value. Strings must be UTF-8, or readers refuse the message.
func newValue(tag string) (m message) {
	m.string(1, strings.ToValidUTF8(tag, "\uFFFD"))
	return m
}

func scalarValue(tag string, x float64) message {
	m := newValue(tag)
	m.float(2, float32(x))
	return m
}

// Types of tensors.
const (
	typeFloat  = 1
	typeString = 7
)

// textValue holds a string tensor of rank 0.
func textValue(tag, text string) message {
	var tensor message
	tensor.int(1, typeString)
	tensor.bytes(2, nil)
	tensor.string(8, text)
	m := newValue(tag)
	m.bytes(8, tensor)
	m.bytes(9, metadata("text", nil))
	return m
}

// metadata is a SummaryMetadata that hands content to one of TensorBoard's plugins.
func metadata(plugin string, content []byte) (m message) {
	const classTensor = 2
	var data message
	data.string(1, plugin)
	if len(content) > 0 {
		data.bytes(2, content)
	}
	m.bytes(1, data)
	m.int(4, classTensor)
	return m
}

// hparam is a hyperparameter, its value a float64, bool or string.
type hparam struct {
	name  string
	value any
}

// hparamsValue says in its metadata with what hyperparameters a run began; its tensor is an empty one.
func hparamsValue(at time.Time, params []hparam) message {
	var start message
	for _, p := range params {
		var value message
		switch x := p.value.(type) {
		case float64:
			value.double(2, x)
		case string:
			value.string(3, strings.ToValidUTF8(x, "\uFFFD"))
		case bool:
			value.int(4, 0)
			if x {
				value[len(value)-1] = 1
			}
		}
		var entry message
		entry.string(1, strings.ToValidUTF8(p.name, "\uFFFD"))
		entry.bytes(2, value)
		start.bytes(1, entry)
	}
	start.double(5, seconds(at))
	var content message
	content.bytes(3, start)

	var shape, tensor message
	shape.bytes(2, nil) // one dimension, of size 0
	tensor.int(1, typeFloat)
	tensor.bytes(2, shape)
	m := newValue("_hparams_/session_start_info")
	m.bytes(8, tensor)
	m.bytes(9, metadata("hparams", content))
	return m
}

// event is what is read of an Event.
type event struct {
	time    float64 // seconds since 1970
	step    int64
	version string
	scalars []Scalar // without Step and Time
}

// parseEvent reads an Event.
func parseEvent(b []byte) (e event, err error) {
	err = fields(b, func(f field) error {
		switch {
		case f.number == 1 && f.wire == wire64:
			e.time = math.Float64frombits(f.bits)
		case f.number == 2 && f.wire == wireVarint:
			e.step = int64(f.bits)
		case f.number == 3 && f.wire == wireBytes:
			e.version = string(f.data)
		case f.number == 5 && f.wire == wireBytes:
			return fields(f.data, func(f field) error {
				if f.number != 1 || f.wire != wireBytes {
					return nil
				}
				s, ok, err := parseValue(f.data)
				if ok {
					e.scalars = append(e.scalars, s)
				}
				return err
			})
		}
		return nil
	})
	return e, err
}

// parseValue reads a Summary.Value. It is ok if it holds a scalar: a simple value or a float tensor of rank 0.
func parseValue(b []byte) (s Scalar, ok bool, err error) {
	err = fields(b, func(f field) error {
		switch {
		case f.number == 1 && f.wire == wireBytes:
			s.Tag = string(f.data)
		case f.number == 2 && f.wire == wire32:
			s.Value, ok = math.Float32frombits(uint32(f.bits)), true
		case f.number == 8 && f.wire == wireBytes:
			x, scalar, err := parseTensor(f.data)
			if scalar {
				s.Value, ok = x, true
			}
			return err
		}
		return nil
	})
	return s, ok, err
}

// parseTensor reads a TensorProto. It is scalar if it is a float of rank 0.
func parseTensor(b []byte) (x float32, scalar bool, err error) {
	kind, rank, numbers := uint64(0), 0, []byte(nil)
	err = fields(b, func(f field) error {
		switch {
		case f.number == 1 && f.wire == wireVarint:
			kind = f.bits
		case f.number == 2 && f.wire == wireBytes:
			return fields(f.data, func(f field) error {
				if f.number == 2 {
					rank++
				}
				return nil
			})
		case (f.number == 4 || f.number == 5) && f.wire == wireBytes: // raw content, or packed floats
			numbers = append(numbers, f.data...)
		case f.number == 5 && f.wire == wire32:
			numbers = append(numbers, byte(f.bits), byte(f.bits>>8), byte(f.bits>>16), byte(f.bits>>24))
		}
		return nil
	})
	if err != nil || kind != typeFloat || rank != 0 || len(numbers) != 4 {
		return 0, false, err
	}
	bits := uint32(numbers[0]) | uint32(numbers[1])<<8 | uint32(numbers[2])<<16 | uint32(numbers[3])<<24
	return math.Float32frombits(bits), true, nil
}
