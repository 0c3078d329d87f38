package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkGEMM/256x64x64/forward-2   61000   19465 ns/op   112.7 GFLOP/s   0.90 peak
BenchmarkGEMM/256x64x64/dW          61411   19454 ns/op   112.4 GFLOP/s   0.95 peak
BenchmarkGEMM/4x64x64/forward-2     61000   19465 ns/op   112.7 GFLOP/s   0.40 peak
BenchmarkGEMM/256x64x64/forward-2   61000   19465 ns/op   112.7 GFLOP/s   0.97 peak
BenchmarkGEMM/256x64x64/forward-2   61000   19465 ns/op   112.7 GFLOP/s   0.93 peak
PASS
`

func TestTheBestRunOfEachShapeIsDrawn(t *testing.T) {
	shapes, best, err := read(strings.NewReader(output))
	if err != nil || !slices.Equal(shapes, []string{"256x64x64", "4x64x64"}) ||
		best["256x64x64/forward"] != 0.97 || best["256x64x64/dW"] != 0.95 || best["4x64x64/forward"] != 0.4 || len(best) != 3 {
		t.Errorf("read %v, %v, %v", shapes, best, err)
	}
	path := filepath.Join(t.TempDir(), "chart.svg")
	if err := draw(strings.NewReader(output), path); err != nil {
		t.Fatal(err)
	}
	if svg, err := os.ReadFile(path); err != nil || !strings.Contains(string(svg), "256×64×64") {
		t.Errorf("the chart is %s, %v", svg, err)
	}
	if err := draw(strings.NewReader("PASS\n"), path); err == nil {
		t.Error("nothing to draw is no error")
	}
	if _, _, err := read(strings.NewReader("BenchmarkGEMM/1x1x1/dW-2 1 1 ns/op much peak\n")); err == nil {
		t.Error("a line that cannot be read is no error")
	}
}
