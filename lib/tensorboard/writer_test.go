package tensorboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// clock returns a clock that shows a second more each time it is looked at, from start on.
func clock(start int64) func() time.Time {
	return func() time.Time {
		start++
		return time.Unix(start-1, 0)
	}
}

func newWriter(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := open(dir, clock(1e9))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// decoded is an event as testdata/read_events.py prints it.
type decoded struct {
	Time   float64
	Step   int64
	What   string
	Text   string
	Values []decodedValue
}

type decodedValue struct {
	Tag, Which, Plugin string
	Class, Dtype       int
	Bits               uint32
	Shape              []int64
	Strings            []string
	Start              float64
	HParams            map[string]any
}

// decode decodes an event file with Google's protobuf runtime for Python. Where there is none the test is skipped, or
// fails if GOALGAP_PROTOBUF is 1.
func decode(t *testing.T, path string) (out []decoded) {
	t.Helper()
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import google.protobuf.struct_pb2").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		const missing = "no python3 here has protobuf (Debian: apt-get install python3-protobuf)"
		if os.Getenv("GOALGAP_PROTOBUF") == "1" {
			t.Fatal("GOALGAP_PROTOBUF is 1, but " + missing)
		}
		t.Skip(missing)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "read_events.py"), path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatalf("read_events.py: %v\n%s", err, stderr.String())
	}
	return out
}

// The reader is checked by a file of TensorFlow's, too.
func TestGooglesProtobufReadsTensorFlow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(fileOfTensorFlow), 0o666); err != nil {
		t.Fatal(err)
	}
	got := decode(t, path)
	if len(got) != 2 || got[0].Text != "brain.Event:2" || got[1].Step != 77 || len(got[1].Values) != 1 || got[1].Values[0].Tag != "accuracy" ||
		got[1].Values[0].Plugin != "scalars" || got[1].Values[0].Dtype != 1 || len(got[1].Values[0].Shape) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestGooglesProtobufReadsWhatIsWritten(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "deep", "run"))
	numbers := []float64{0, math.Copysign(0, -1), 1, -1.5, 0.1, 1e-40, math.MaxFloat32, math.Inf(1), 1e300, math.NaN()}
	steps := []int{0, 1, 127, 128, 1 << 40, -1, math.MaxInt64, math.MinInt64, 5, 6}
	long := strings.Repeat("a long tag/", 30)
	tags := []string{"a", "a/b", "ü/日本", long, "x", "x", "x", "x", "x", "bad \xff"}
	for i, x := range numbers {
		if err := w.Scalar(tags[i], x, steps[i]); err != nil {
			t.Fatal(err)
		}
	}
	text := "# Title\n\n" + strings.Repeat("ä|", 100)
	if err := errors.Join(w.Text("notes", text, 7), w.Text("empty", "", 0), w.HParams(map[string]any{
		"rate": 2.5e-4, "zero": 0, "n": uint8(200), "on": true, "off": false, "name": "x", "none": "", "list": []int{64, 32}, "nil": nil, "": -3,
		"level": time.Duration(5), "bad \xff": "\xff",
	}), w.HParams(nil)); err != nil {
		t.Fatal(err)
	}
	got := decode(t, w.Path())
	if len(got) != 1+len(numbers)+4 {
		t.Fatalf("%d events", len(got))
	}
	if want := (decoded{Time: 1e9 + 1, What: "file_version", Text: "brain.Event:2"}); !reflect.DeepEqual(got[0], want) {
		t.Errorf("first event %+v, want %+v", got[0], want)
	}
	for i, x := range numbers {
		want := decoded{Time: float64(1e9 + 2 + i), Step: int64(steps[i]), What: "summary", Values: []decodedValue{{
			Tag: tags[i], Which: "simple_value", Bits: math.Float32bits(float32(x)),
		}}}
		if i == len(tags)-1 {
			want.Values[0].Tag = "bad \uFFFD"
		}
		if !reflect.DeepEqual(got[1+i], want) {
			t.Errorf("scalar %+v, want %+v", got[1+i], want)
		}
	}
	rest := got[1+len(numbers):]
	for i, want := range []decoded{
		{Time: 1e9 + 12, Step: 7, What: "summary", Values: []decodedValue{{Tag: "notes", Which: "tensor", Plugin: "text", Class: 2, Dtype: 7,
			Shape: []int64{}, Strings: []string{text}}}},
		{Time: 1e9 + 13, What: "summary", Values: []decodedValue{{Tag: "empty", Which: "tensor", Plugin: "text", Class: 2, Dtype: 7,
			Shape: []int64{}, Strings: []string{""}}}},
		{What: "summary", Values: []decodedValue{{Tag: "_hparams_/session_start_info", Which: "tensor", Plugin: "hparams", Class: 2, Dtype: 1,
			Shape: []int64{0}, Strings: []string{}, HParams: map[string]any{
				"rate": 2.5e-4, "zero": 0.0, "n": 200.0, "on": true, "off": false, "name": "x", "none": "", "list": "[64 32]", "nil": "nil",
				"": -3.0, "level": 5.0, "bad \uFFFD": "\uFFFD",
			}}}},
		{What: "summary", Values: []decodedValue{{Tag: "_hparams_/session_start_info", Which: "tensor", Plugin: "hparams", Class: 2, Dtype: 1,
			Shape: []int64{0}, Strings: []string{}, HParams: map[string]any{}}}},
	} {
		if want.Time == 0 { // hyperparameters begin when they are written
			want.Time, want.Values[0].Start = 1e9+12+float64(i), 1e9+12+float64(i)
		}
		if !reflect.DeepEqual(rest[i], want) {
			t.Errorf("event\n%+v, want\n%+v", rest[i], want)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]bool{}
	for range 3 { // within a second
		w, err := open(dir, clock(1700000000))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		// As TensorFlow names them, so that TensorBoard finds them, in order of time.
		if name := filepath.Base(w.Path()); !regexp.MustCompile(`^events\.out\.tfevents\.1700000000\.[^/]+\.\d+\.\d+$`).MatchString(name) || seen[name] {
			t.Errorf("name %s", name)
		}
		seen[filepath.Base(w.Path())] = true
		file, err := os.ReadFile(w.Path())
		if err != nil || !bytes.Contains(file, []byte("brain.Event:2")) {
			t.Errorf("a new file is %q, %v", file, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	path := filepath.Join(dir, "a file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := New(path); err == nil || !strings.Contains(err.Error(), "beginning an event file in "+path) {
		t.Errorf("in a file: error %v", err)
	}
}

// fullDisk takes some bytes, and then half of what comes.
type fullDisk struct {
	bytes.Buffer
	left int
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		f.Buffer.Write(p[:len(p)/2])
		f.left = 1e9 // somebody makes room
		return len(p) / 2, errDisk
	}
	return f.Buffer.Write(p)
}

func (f *fullDisk) Close() error { return errDisk }

// After a record that was written in part another would be no record.
func TestWriterStopsAtItsFirstError(t *testing.T) {
	disk := &fullDisk{left: 100}
	w := &Writer{file: disk, path: "PATH", now: clock(0)}
	if err := w.write(fileVersionEvent(time.Unix(0, 0))); err != nil {
		t.Fatal(err)
	}
	var errs []error
	for i := range 5 {
		errs = append(errs, w.Scalar("x", float64(i), i))
	}
	for i, err := range errs {
		if wrong := i > 0; errors.Is(err, errDisk) != wrong || wrong && !strings.Contains(err.Error(), "writing PATH") {
			t.Errorf("scalar %d: error %v", i, err)
		}
	}
	if got, err := ReadScalars(&disk.Buffer); err != nil || len(got) != 1 {
		t.Errorf("on the disk are %v, %v", got, err)
	}
	if err := w.Close(); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "closing PATH") {
		t.Errorf("closing: %v", err)
	}
	if err := w.Scalar("", 1, 1); err == nil || !strings.Contains(err.Error(), "the scalar 1 has no tag") {
		t.Errorf("no tag: %v", err)
	}
	if err := w.Text("", "some text", 1); err == nil || !strings.Contains(err.Error(), "no tag") {
		t.Errorf("no tag: %v", err)
	}
}

var _ io.WriteCloser = (*fullDisk)(nil)

// The test of TeamHG-Memex/tensorboard_logger expects these bytes of the same two values at the same time, 256.5 s.
func TestFileIsThatOfAnotherWriter(t *testing.T) {
	const want = "\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\"\t\x00\x00\x00\x00\x00\x08p@\x1a\rbrain.Event:2\xbc\x98!+" +
		"\x19\x00\x00\x00\x00\x00\x00\x00\x8b\xf1\x08(\t\x00\x00\x00\x00\x00\x08p@\x10\x01*\x0c\n\n\n\x03v/1\x15\x00\x00\xc0?,\xec\xc0\x87" +
		"\x1a\x00\x00\x00\x00\x00\x00\x00\x12\x9b\xd8-\t\x00\x00\x00\x00\x00\x08p@\x10\x02*\r\n\x0b\n\x04v/22\x15\x00\x00\x80A\x8f\xa3\xb6\x88"
	w, err := open(t.TempDir(), func() time.Time { return time.Unix(256, 500_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Scalar("v/1", 1.5, 1), w.Scalar("v/22", 16, 2), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(w.Path()); err != nil || string(got) != want {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
}
