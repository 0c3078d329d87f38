package nn

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSafetensorsRoundTrip(t *testing.T) {
	f := &File{
		Metadata: map[string]string{"what": "numbers"},
		Tensors: map[string]Tensor{
			"a":      {[]int{2, 2}, []float32{1, -2, nan, inf}},
			"b":      {[]int{3}, []float64{1e300, -0.1, 0}},
			"bytes":  {[]int{3}, []uint8{1, 2, 255}},
			"ints":   {[]int{1, 2}, []int32{-1, 1 << 30}},
			"longs":  {[]int{1}, []int64{-1 << 60}},
			"empty":  {[]int{0, 5}, []float32{}},
			"scalar": {[]int{}, []float32{7}},
		},
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := f.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	g, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := g.Tensors["a"].Data.([]float32)
	if a[2] == a[2] {
		t.Error("NaN was lost")
	}
	a[2], f.Tensors["a"].Data.([]float32)[2] = 0, 0 // NaN differs from itself
	if !reflect.DeepEqual(f, g) {
		t.Errorf("read %+v, wrote %+v", g, f)
	}
}

// The bytes are those of the format's description, put together by hand.
func TestSafetensorsBytes(t *testing.T) {
	header := `{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  `
	want := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	want = append(want, header...)
	want = append(want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0) // 1 and -2
	var b bytes.Buffer
	if err := (&File{Tensors: map[string]Tensor{"x": {[]int{2}, []float32{1, -2}}}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote %q, want %q", b.Bytes(), want)
	}
	f, err := Parse(want)
	if err != nil || !slices.Equal(f.Tensors["x"].Data.([]float32), []float32{1, -2}) {
		t.Errorf("read %+v, %v", f, err)
	}
}

// safetensors puts a header and a body of n bytes together.
func safetensors(header string, n int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), make([]byte, n)...)
}

func TestMalformedSafetensors(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "0 bytes"},
		{"cut short", []byte{1, 2, 3}, "3 bytes"},
		{"header longer than the file", binary.LittleEndian.AppendUint64(nil, 50), "header of 50 bytes in a file that has 0"},
		{"absurd header", binary.LittleEndian.AppendUint64(nil, 1<<63), "the format allows"},
		{"no JSON", safetensors("hello", 0), "header"},
		{"no object", safetensors("[1]", 0), "starts with ["},
		{"unfinished", safetensors(`{"a":`, 0), "header"},
		{"trailing text", safetensors(`{} {}`, 0), "follows the closing"},
		{"twice", safetensors(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), "two entries"},
		{"dtype", safetensors(`{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}`, 1), `dtype "F8"`},
		{"shape", safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "takes 8"},
		{"negative shape", safetensors(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), "out of range"},
		{"enormous shape", safetensors(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}`, 4), "out of range"},
		{"beyond the end", safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4), "bytes 0 to 8 of 4"},
		{"backwards", safetensors(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,-1]}}`, 4), "header"},
		{"hole", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "starts at byte 1"},
		{"overlap", safetensors(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "starts at byte 1"},
		{"left over", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3), "2 bytes follow"},
		{"metadata", safetensors(`{"__metadata__":{"a":1}}`, 0), "metadata"},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one containing %q", c.name, err, c.want)
		}
	}
	for name, tensor := range map[string]Tensor{
		"type":         {[]int{1}, []string{"x"}},
		"length":       {[]int{3}, []float32{1}},
		"__metadata__": {[]int{1}, []float32{1}},
	} {
		if err := (&File{Tensors: map[string]Tensor{name: tensor}}).Write(new(bytes.Buffer)); err == nil {
			t.Errorf("%s: a wrong tensor was written", name)
		}
	}
}

// Whatever the bytes, Parse returns an error or a file that can be written and read again.
func FuzzSafetensors(f *testing.F) {
	f.Add(safetensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	f.Add(safetensors(`{"__metadata__":{"a":"b"},"x":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, 8))
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := file.Write(&b); err != nil {
			t.Fatalf("a file that was read cannot be written: %v", err)
		}
		if _, err := Parse(b.Bytes()); err != nil {
			t.Fatalf("a file that was written cannot be read: %v", err)
		}
	})
}

func TestNamedParameters(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	a, _ := New(shapes[3], 1, r)
	b, _ := New(shapes[3], 1, r)
	tensors := a.Tensors()
	if err := b.SetTensors(tensors, ""); err != nil || !slices.Equal(a.Param, b.Param) {
		t.Errorf("parameters differ after SetTensors: %v", err)
	}
	if got := tensors["layer1.weight"].Shape; !slices.Equal(got, []int{17, 5}) {
		t.Errorf("layer1.weight is of shape %v, want [17 5]", got)
	}
	delete(tensors, "layer1.bias")
	if err := b.SetTensors(tensors, ""); err == nil || !strings.Contains(err.Error(), `"layer1.bias" is missing`) {
		t.Errorf("error %v", err)
	}
	tensors["layer1.bias"] = Tensor{[]int{6}, make([]float32, 6)}
	if err := b.SetTensors(tensors, ""); err == nil || !strings.Contains(err.Error(), "[6]") {
		t.Errorf("error %v", err)
	}
}
