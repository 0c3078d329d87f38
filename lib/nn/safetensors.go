package nn

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sort"
)

// Tensor is an array of a file. Data is a []float32, []float64, []int64, []int32 or []uint8 whose length is the product
// of Shape; an empty Shape means one number.
type Tensor struct {
	Shape []int
	Data  any
}

// File is the content of a safetensors file: named tensors, and text that says what they are.
//
// The format (huggingface/safetensors, README, "Format"): the header's length as 8 bytes, little endian; the header, a
// JSON object that gives each tensor's dtype, shape and place; then the tensors' bytes, little endian, without gaps.
type File struct {
	Metadata map[string]string
	Tensors  map[string]Tensor
}

// maxHeader is the longest header that the format allows.
const maxHeader = 100_000_000

// entry is a tensor in the header.
type entry struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// describe returns a tensor's dtype, the bytes of a number, and how many numbers it has.
func (t Tensor) describe() (dtype string, size, count int, err error) {
	switch d := t.Data.(type) {
	case []float32:
		return "F32", 4, len(d), nil
	case []float64:
		return "F64", 8, len(d), nil
	case []int64:
		return "I64", 8, len(d), nil
	case []int32:
		return "I32", 4, len(d), nil
	case []uint8:
		return "U8", 1, len(d), nil
	}
	return "", 0, 0, fmt.Errorf("data of type %T; float32, float64, int64, int32 and uint8 can be stored", t.Data)
}

// elements returns the product of a shape, or an error if a length is negative or the product does not fit.
func elements(shape []int) (int, error) {
	n := 1
	for _, s := range shape {
		if s < 0 || s > 0 && n > math.MaxInt/8/s {
			return 0, fmt.Errorf("shape %v is out of range", shape)
		}
		n *= s
	}
	return n, nil
}

// Write writes the file. Equal content gives equal bytes.
func (f *File) Write(w io.Writer) error {
	type item struct {
		name string
		size int
	}
	var items []item
	header := map[string]any{}
	for name, t := range f.Tensors {
		dtype, size, count, err := t.describe()
		if err == nil {
			var want int
			if want, err = elements(t.Shape); err == nil && want != count {
				err = fmt.Errorf("%d numbers for shape %v", count, t.Shape)
			}
		}
		if err == nil && name == "__metadata__" {
			err = errors.New("the format reserves this name")
		}
		if err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		header[name] = &entry{DType: dtype, Shape: shape}
		items = append(items, item{name, size})
	}
	// The widest numbers first, so that each tensor starts at a multiple of its numbers' size.
	sort.Slice(items, func(i, j int) bool {
		if items[i].size != items[j].size {
			return items[i].size > items[j].size
		}
		return items[i].name < items[j].name
	})
	at := uint64(0)
	for _, it := range items {
		e := header[it.name].(*entry)
		n, _ := elements(e.Shape)
		e.Offsets = [2]uint64{at, at + uint64(n*it.size)}
		at = e.Offsets[1]
	}
	if len(f.Metadata) > 0 {
		header["__metadata__"] = f.Metadata
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if len(text) > maxHeader {
		return fmt.Errorf("safetensors: header of %d bytes; the format allows %d", len(text), maxHeader)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if _, err := w.Write(append(out, text...)); err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	for _, it := range items {
		if err := binary.Write(w, binary.LittleEndian, f.Tensors[it.name].Data); err != nil {
			return fmt.Errorf("safetensors: writing tensor %q: %w", it.name, err)
		}
	}
	return nil
}

// Parse reads a file's content. The result shares no memory with data. An error says what is malformed.
func Parse(data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes; the length of the header alone takes 8", len(data))
	}
	length := binary.LittleEndian.Uint64(data)
	switch {
	case length > maxHeader:
		return nil, fmt.Errorf("safetensors: header of %d bytes; the format allows %d", length, maxHeader)
	case length > uint64(len(data)-8):
		return nil, fmt.Errorf("safetensors: header of %d bytes in a file that has %d after its first 8", length, len(data)-8)
	}
	entries, metadata, err := parseHeader(data[8 : 8+length])
	if err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	body := data[8+length:]
	f := &File{Metadata: metadata, Tensors: map[string]Tensor{}}
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { // in the order of their places
		a, b := entries[names[i]].Offsets, entries[names[j]].Offsets
		if a != b {
			return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
		}
		return names[i] < names[j]
	})
	at := uint64(0)
	for _, name := range names {
		e := entries[name]
		switch {
		case e.Offsets[0] != at:
			return nil, fmt.Errorf("safetensors: tensor %q starts at byte %d, but the one before it ends at %d", name, e.Offsets[0], at)
		case e.Offsets[1] < at || e.Offsets[1] > uint64(len(body)):
			return nil, fmt.Errorf("safetensors: tensor %q takes bytes %d to %d of %d", name, e.Offsets[0], e.Offsets[1], len(body))
		}
		at = e.Offsets[1]
		t, err := e.tensor(body[e.Offsets[0]:e.Offsets[1]])
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		f.Tensors[name] = t
	}
	if at != uint64(len(body)) {
		return nil, fmt.Errorf("safetensors: %d bytes follow the last tensor", uint64(len(body))-at)
	}
	return f, nil
}

// parseHeader reads the JSON, one name after the other, since a map would hide a name that comes twice.
func parseHeader(text []byte) (entries map[string]entry, metadata map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if tok, err := d.Token(); err != nil {
		return nil, nil, err
	} else if tok != json.Delim('{') {
		return nil, nil, fmt.Errorf("starts with %v, not with {", tok)
	}
	entries = map[string]entry{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		name := tok.(string) // the decoder allows nothing else here
		if name == "__metadata__" {
			if metadata != nil {
				return nil, nil, errors.New("two entries for __metadata__")
			}
			metadata = map[string]string{}
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, nil, fmt.Errorf("two entries for tensor %q", name)
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("something follows the closing }")
	}
	return entries, metadata, nil
}

// tensor decodes the bytes of a tensor.
func (e entry) tensor(raw []byte) (Tensor, error) {
	n, err := elements(e.Shape)
	if err != nil {
		return Tensor{}, err
	}
	size := map[string]int{"F32": 4, "F64": 8, "I64": 8, "I32": 4, "U8": 1}[e.DType]
	if size == 0 {
		return Tensor{}, fmt.Errorf("dtype %q; F32, F64, I64, I32 and U8 can be read", e.DType)
	}
	if len(raw) != n*size {
		return Tensor{}, fmt.Errorf("%d bytes for shape %v of %s, which takes %d", len(raw), e.Shape, e.DType, n*size)
	}
	var data any
	switch e.DType {
	case "F32":
		data = make([]float32, n)
	case "F64":
		data = make([]float64, n)
	case "I64":
		data = make([]int64, n)
	case "I32":
		data = make([]int32, n)
	case "U8":
		data = make([]uint8, n)
	}
	if _, err := binary.Decode(raw, binary.LittleEndian, data); err != nil {
		return Tensor{}, err
	}
	return Tensor{Shape: e.Shape, Data: data}, nil
}

// WriteFile writes the file at path; a file that is there is replaced only when the new one is complete.
func (f *File) WriteFile(path string) error {
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = tmp.Write(b.Bytes())
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// ReadFile reads the file at path.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}
