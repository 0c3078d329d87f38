package tensorboard

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// What TensorFlow wrote for tf.summary.scalar("accuracy", 0.99, step=77): two records, as TensorBoard's own tests have
// them (tensorboard/data/server/tf_record.rs, test_success).
const (
	versionOfTensorFlow = "\x09\x00\x00\x80\x38\x99\xd6\xd7\x41\x1a\x0dbrain.Event:2"
	scalarOfTensorFlow  = "\x09\xc4\x05\xb7\x3d\x99\xd6\xd7\x41\x10\x4d\x2a\x25\x0a\x23\x0a\x08accuracy" +
		"\x42\x0a\x08\x01\x12\x00\x22\x04\xa4\x70\x7d\x3f\x4a\x0b\x0a\x09\x0a\x07scalars"

	fileOfTensorFlow = "\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7f\x4b\x22" + versionOfTensorFlow + "\x12\x4b\x36\xab" +
		"\x32\x00\x00\x00\x00\x00\x00\x00\x24\x19\x56\xec" + scalarOfTensorFlow + "\xa5\x5b\x64\x33"
)

// timeOf returns the time that so many seconds are, to the nanosecond.
func timeOf(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}

func TestChecksums(t *testing.T) {
	up, down := make([]byte, 32), make([]byte, 32)
	for i := range up {
		up[i], down[i] = byte(i), byte(31-i)
	}
	// RFC 3720, section B.4.
	for data, want := range map[string]uint32{
		strings.Repeat("\x00", 32): 0x8a9136aa,
		strings.Repeat("\xff", 32): 0x62a8ab43,
		string(up):                 0x46dd794e,
		string(down):               0x113fdb5c,
	} {
		if got := crc32.Checksum([]byte(data), castagnoli); got != want {
			t.Errorf("CRC-32C of %x is %#08x, want %#08x", data, got, want)
		}
	}
	// From a file that TensorFlow wrote (tensorboard/data/server/masked_crc.rs).
	if got := maskedCRC([]byte("\x1a\x11CRC test, one two")); got != 0x5794d08a {
		t.Errorf("masked CRC %#08x, want 0x5794d08a", got)
	}
}

func TestRecordsAreTensorFlows(t *testing.T) {
	got := appendRecord(appendRecord(nil, []byte(versionOfTensorFlow)), []byte(scalarOfTensorFlow))
	if string(got) != fileOfTensorFlow {
		t.Errorf("written\n%q, want\n%q", got, fileOfTensorFlow)
	}
	r := strings.NewReader(fileOfTensorFlow)
	for _, want := range []string{versionOfTensorFlow, scalarOfTensorFlow} {
		if got, err := readRecord(r); err != nil || string(got) != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	if _, err := readRecord(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestFirstEventIsTensorFlows(t *testing.T) {
	at := timeOf(math.Float64frombits(0x41d7d69938800000))
	if got := fileVersionEvent(at); string(got) != versionOfTensorFlow {
		t.Errorf("%q, want %q", got, versionOfTensorFlow)
	}
}

func TestReadScalarsOfTensorFlow(t *testing.T) {
	got, err := ReadScalars(strings.NewReader(fileOfTensorFlow))
	at := timeOf(math.Float64frombits(0x41d7d6993db705c4))
	if err != nil || len(got) != 1 || got[0] != (Scalar{Tag: "accuracy", Step: 77, Value: 0.99, Time: at}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A file that ends too soon gives what is complete; one with a wrong byte is an error, and nothing is read from there on.
func TestReadScalarsOfDamagedFiles(t *testing.T) {
	var file []byte
	file = appendRecord(file, fileVersionEvent(time.Unix(1, 0)))
	ends := []int{}
	for i := range 3 {
		file = appendRecord(file, summaryEvent(time.Unix(int64(i), 0), i, scalarValue("x", float64(i))))
		ends = append(ends, len(file))
	}
	complete := func(n int) (c int) {
		for _, end := range ends {
			if end <= n {
				c++
			}
		}
		return c
	}
	for n := range file {
		if got, err := ReadScalars(bytes.NewReader(file[:n])); err != nil || len(got) != complete(n) {
			t.Errorf("%d of %d bytes: %d scalars, %v; want %d", n, len(file), len(got), err, complete(n))
		}
		for _, flip := range []byte{1, 0x80, 0xff} {
			wrong := bytes.Clone(file)
			wrong[n] ^= flip
			got, err := ReadScalars(bytes.NewReader(wrong))
			if err == nil || !strings.Contains(err.Error(), "reading record") || len(got) != complete(n) {
				t.Errorf("byte %d of %d wrong: %d scalars, %v; want %d and an error", n, len(file), len(got), err, complete(n))
			}
		}
	}
	for want, file := range map[string][]byte{
		"no event file":              appendRecord(nil, summaryEvent(time.Unix(0, 0), 1, scalarValue("x", 1))),
		"want at most":               hugeRecord(),
		"malformed protocol":         appendRecord(appendRecord(nil, []byte(versionOfTensorFlow)), []byte{0x09, 1}),
		"malformed protocol buffer:": appendRecord(appendRecord(nil, []byte(versionOfTensorFlow)), []byte{0x0b}),
	} {
		if _, err := ReadScalars(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	if _, err := ReadScalars(io.MultiReader(strings.NewReader(fileOfTensorFlow), failingReader{})); !errors.Is(err, errDisk) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// hugeRecord returns the head of a record of 2⁶³ bytes.
func hugeRecord() []byte {
	head := []byte{0, 0, 0, 0, 0, 0, 0, 0x80}
	crc := maskedCRC(head)
	return append(head, byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
}

var errDisk = errors.New("disk on fire")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errDisk }

// The length-0 float tensor that TensorBoard puts beside hyperparameters has 6 bytes (plugins/hparams/metadata.py): type
// 1, and a shape with one dimension without fields.
func TestEmptyTensor(t *testing.T) {
	value := hparamsValue(time.Unix(0, 0), nil)
	if !bytes.Contains(value, []byte("\x42\x06\x08\x01\x12\x02\x12\x00")) {
		t.Errorf("no empty tensor in %q", value)
	}
}

// Of tensors those are scalars that are one float of rank 0, in each of the ways that a message may hold it
// (tensorboard/data/server/data_compat.rs, into_scalar).
func TestScalarTensors(t *testing.T) {
	const eighth = "\x00\x00\x00\x3e" // 0.125
	for _, c := range []struct {
		tensor string
		scalar bool
	}{
		{"\x08\x01\x12\x00\x22\x04" + eighth, true}, // raw content
		{"\x08\x01\x22\x04" + eighth, true},         // without a shape
		{"\x08\x01\x12\x00\x2a\x04" + eighth, true}, // packed
		{"\x08\x01\x12\x00\x2d" + eighth, true},     // not packed
		{"\x08\x01\x12\x02\x12\x00\x22\x04" + eighth, false},
		{"\x08\x02\x12\x00\x22\x04" + eighth, false},
		{"\x08\x01\x12\x00\x2a\x08" + eighth + eighth, false},
		{"\x08\x01\x12\x00", false},
	} {
		value := newValue("x")
		value.bytes(8, []byte(c.tensor))
		file := appendRecord([]byte(fileOfTensorFlow), summaryEvent(time.Unix(0, 0), 1, value))
		got, err := ReadScalars(bytes.NewReader(file))
		if err != nil || len(got) == 2 != c.scalar || c.scalar && got[1].Value != 0.125 {
			t.Errorf("tensor %q: %v, %v; want a scalar: %v", c.tensor, got, err, c.scalar)
		}
	}
}

func FuzzReadScalars(f *testing.F) {
	f.Add([]byte(fileOfTensorFlow))
	f.Add([]byte(scalarOfTensorFlow))
	f.Add([]byte(textValue("a", "b")))
	f.Add(hugeRecord())
	f.Fuzz(func(t *testing.T, data []byte) {
		ReadScalars(bytes.NewReader(data))
		// As the body of a record with a checksum that fits.
		scalars, err := ReadScalars(bytes.NewReader(appendRecord([]byte(fileOfTensorFlow), data)))
		if len(scalars) < 1 || scalars[0].Tag != "accuracy" {
			t.Errorf("the record before is lost: %v, %v", scalars, err)
		}
	})
}

// What is written is read, except that a tag becomes UTF-8.
func FuzzScalar(f *testing.F) {
	f.Add("rollout/ep_rew_mean", 0.0, 0)
	f.Add("\xff", math.Copysign(0, -1), -1)
	f.Add("ü", math.Inf(1), math.MaxInt)
	f.Fuzz(func(t *testing.T, tag string, value float64, step int) {
		at := time.Unix(1e9, 5e8)
		file := appendRecord(appendRecord(nil, fileVersionEvent(at)), summaryEvent(at, step, scalarValue(tag, value)))
		got, err := ReadScalars(bytes.NewReader(file))
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		s := got[0]
		if math.Float32bits(s.Value) != math.Float32bits(float32(value)) || s.Step != int64(step) || !s.Time.Equal(at) ||
			s.Tag != strings.ToValidUTF8(tag, "\uFFFD") {
			t.Errorf("%q %v %d became %+v", tag, value, step, s)
		}
	})
}
