// Package golden reads recordings of original programs for the tests of the environments.
package golden

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Path is where a recording lies: in the folder set of the folder that the environment variable GOALGAP_GOLDEN names,
// if it has that folder, otherwise in the package's testdata.
func Path(set, name string) string {
	if dir := os.Getenv("GOALGAP_GOLDEN"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, set)); err == nil {
			return filepath.Join(dir, set, name)
		}
	}
	return filepath.Join("testdata", name)
}

// Open opens a recording; what is compressed (by its name, .gz) is unpacked.
func Open(t *testing.T, set, name string) io.Reader {
	t.Helper()
	data, err := os.ReadFile(Path(set, name))
	t.Logf("recording %s", Path(set, name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return bytes.NewReader(data)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", Path(set, name), err)
	}
	return z
}

// Lines calls f for each line of a recording in JSON lines and returns their number. A line with a field that T does
// not have fails the test: nothing that was recorded is to be passed over.
func Lines[T any](t *testing.T, set, name string, f func(line T)) int {
	t.Helper()
	lines := bufio.NewScanner(Open(t, set, name))
	lines.Buffer(nil, 1<<26)
	n := 0
	for lines.Scan() {
		n++
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		var v T
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s, line %d: %v", Path(set, name), n, err)
		}
		f(v)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", Path(set, name), err)
	}
	if n == 0 {
		t.Fatalf("%s is empty", Path(set, name))
	}
	return n
}
