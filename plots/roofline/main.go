// Command roofline draws what share of the processor's peak the matrix products of lib/nn reach, from the output of their
// benchmark: one group of bars a shape, rows × inputs × outputs, and the best run of each.
//
//	go test -run xxx -bench GEMM -count 3 ./lib/nn | go run ./plots/roofline lib/nn/testdata/roofline.svg
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"goalgap/lib/stats"
	"goalgap/plots"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -run xxx -bench GEMM ./lib/nn | roofline FILE.svg")
		os.Exit(2)
	}
	if err := draw(os.Stdin, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "roofline:", err)
		os.Exit(1)
	}
}

var forms = []string{"forward", "dW", "dX"}

func draw(in io.Reader, path string) error {
	shapes, best, err := read(in)
	if err != nil {
		return err
	}
	if len(shapes) == 0 {
		return fmt.Errorf("the input has no line of BenchmarkGEMM")
	}
	var groups []plots.Group
	for _, s := range shapes {
		g := plots.Group{Name: strings.ReplaceAll(s, "x", "×")}
		for _, f := range forms {
			v, ok := best[s+"/"+f]
			if !ok {
				v = math.NaN()
			}
			g.Values = append(g.Values, stats.Interval{Value: 100 * v, Low: math.NaN(), High: math.NaN()})
		}
		groups = append(groups, g)
	}
	c := plots.Bars("Matrix products: share of one core's peak", "% of peak", forms, groups...).Size(11, 3.2)
	c.Y.Max = 112 // room for the legend above the roof
	return os.WriteFile(path, []byte(c.SVG()), 0o644)
}

// read returns the shapes in their order, and the highest share of the peak by shape and form.
func read(in io.Reader) (shapes []string, best map[string]float64, err error) {
	best = map[string]float64{}
	seen := map[string]bool{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || !strings.HasPrefix(fields[0], "BenchmarkGEMM/") || fields[len(fields)-1] != "peak" {
			continue
		}
		name := strings.Split(fields[0], "/")
		share, err := strconv.ParseFloat(fields[len(fields)-2], 64)
		if len(name) != 3 || err != nil {
			return nil, nil, fmt.Errorf("the line %q is not one of BenchmarkGEMM", lines.Text())
		}
		form, _, _ := strings.Cut(name[2], "-") // go test appends GOMAXPROCS
		if !seen[name[1]] {
			seen[name[1]] = true
			shapes = append(shapes, name[1])
		}
		key := name[1] + "/" + form
		best[key] = max(best[key], share)
	}
	return shapes, best, lines.Err()
}
