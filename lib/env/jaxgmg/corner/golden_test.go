package corner

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"goalgap/lib/env/internal/golden"
)

// table reads a recording in CSV into its head and its rows.
func table(t *testing.T, name string) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(golden.Open(t, "jaxgmg", name)).ReadAll()
	if err != nil || len(all) < 2 {
		t.Fatalf("%s: %d rows, %v", name, len(all), err)
	}
	return all[0], all[1:]
}

func number[T int | float64](t *testing.T, text string) T {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return T(f)
}

// recorded are the levels of a recording, by corner size.
func recorded(t *testing.T, name string) map[int][]*Level {
	t.Helper()
	head, rows := table(t, name)
	levels := map[int][]*Level{}
	for i, row := range rows {
		if number[int](t, row[0]) != i {
			t.Fatalf("%s: level %s in row %d", name, row[0], i)
		}
		bits, ok := new(big.Int).SetString(row[1], 16)
		if !ok {
			t.Fatalf("%s: walls %q", name, row[1])
		}
		for j, column := range head[2:] {
			cs := number[int](t, strings.TrimPrefix(column, "cs"))
			var at [4]int // row and column of the cheese, then of the mouse
			for n, text := range strings.Split(row[2+j], ".") {
				at[n] = number[int](t, text)
			}
			const size = 13
			l := &Level{Cheese: at[0]*size + at[1], Mouse: at[2]*size + at[3]}
			l.Size, l.Wall = size, make([]bool, size*size)
			for cell := range l.Wall {
				r, c := cell/size, cell%size
				l.Wall[cell] = r == 0 || r == size-1 || c == 0 || c == size-1 || bits.Bit(120-(r-1)*11-(c-1)) == 1
			}
			l.Wall[l.Cheese] = false
			levels[cs] = append(levels[cs], l)
		}
	}
	return levels
}

// The recorded levels come out of their seeds.
func TestGoldenLevels(t *testing.T) {
	train, on, off := SweepSeeds()
	for _, f := range []struct {
		name  string
		seeds []int64
	}{{"levels-train.csv.gz", train}, {"levels-on.csv.gz", on}, {"levels-off.csv", off}} {
		n := 0
		for cs, levels := range recorded(t, f.name) {
			if len(levels) > len(f.seeds) {
				t.Fatalf("%s: %d levels, %d seeds", f.name, len(levels), len(f.seeds))
			}
			for i, want := range levels {
				got, err := Generate(Sweep(cs), f.seeds[i])
				if err != nil {
					t.Fatal(err)
				}
				if got.String() != want.String() || got.Shifted {
					t.Fatalf("%s, corner size %d, level %d:\n%v\nwant\n%v", f.name, cs, i, got, want)
				}
				n++
			}
		}
		t.Logf("%s: %d levels", f.name, n)
	}
}

func TestGoldenSchedule(t *testing.T) {
	_, rows := table2(t, "train-schedule.csv")
	last := number[int](t, rows[len(rows)-1][0])
	schedule, err := SweepSchedule(last + 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var want []int
		for _, id := range strings.Fields(row[1]) {
			want = append(want, number[int](t, id))
		}
		if got := schedule[number[int](t, row[0])]; !slices.Equal(got, want) {
			t.Errorf("cycle %s: levels %v, want %v", row[0], got, want)
		}
	}
	t.Logf("%d cycles", len(rows))
}

// table2 is table for a recording without a head.
func table2(t *testing.T, name string) (head []string, rows [][]string) {
	head, rows = table(t, name)
	return nil, append([][]string{head}, rows...)
}

// mean is the mean recorded value of levels; the runs had a discount of 0.995.
func mean(levels []*Level) float64 {
	sum := 0.0
	for _, l := range levels {
		sum += l.Benchmark(0.995, 64)
	}
	return sum / float64(len(levels))
}

// near allows for the recordings' rounding to 7 decimals and for their float32 means.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) < 2e-7) {
		t.Errorf("%s is %.7f, want %.7f", what, got, want)
	}
}

// Every optimal value that the original logged is that of the levels.
func TestGoldenOptimal(t *testing.T) {
	train, on, off := recorded(t, "levels-train.csv.gz"), recorded(t, "levels-on.csv.gz"), recorded(t, "levels-off.csv")
	offMean, onMean := 0.0, map[int]float64{}
	for _, levels := range off {
		offMean = mean(levels)
	}
	for cs, levels := range on {
		onMean[cs] = mean(levels)
	}
	value := map[int][]float64{} // of each training level
	for cs, levels := range train {
		for _, l := range levels {
			value[cs] = append(value[cs], l.Benchmark(0.995, 64))
		}
	}
	played := map[int][]int{} // in a cycle
	_, rows := table2(t, "train-schedule.csv")
	for _, row := range rows {
		cycle := number[int](t, row[0])
		for _, id := range strings.Fields(row[1]) {
			played[cycle] = append(played[cycle], number[int](t, id))
		}
	}
	trainMean := func(cs, cycle int) float64 {
		sum := 0.0
		for _, id := range played[cycle] {
			sum += value[cs][id]
		}
		return sum / float64(len(played[cycle]))
	}

	n := 0
	head, rows := table(t, "corner13-curves.csv")
	for _, row := range rows {
		if row[1] != "optimal" {
			continue
		}
		cycle := number[int](t, row[2])
		for j, column := range head[3:] {
			cs := number[int](t, strings.TrimPrefix(column, "cs"))
			want := number[float64](t, row[3+j])
			got := map[string]float64{"train": trainMean(cs, cycle), "on": onMean[cs], "off": offMean}[row[0]]
			near(t, fmt.Sprintf("%s, cycle %d, corner size %d: optimal", row[0], cycle, cs), got, want)
			n++
		}
	}
	head, rows = table(t, "corner13-final.csv")
	at := func(name string) int { return slices.Index(head, name) }
	for _, row := range rows {
		cs := number[int](t, row[at("corner_size")])
		near(t, fmt.Sprintf("finally, on, corner size %d", cs), onMean[cs], number[float64](t, row[at("on_optimal")]))
		near(t, "finally, off", offMean, number[float64](t, row[at("off_optimal")]))
		near(t, fmt.Sprintf("finally, train, corner size %d", cs), trainMean(cs, 2432),
			number[float64](t, row[at("train_optimal")]))
		n += 3
	}
	t.Logf("%d values", n)
}
