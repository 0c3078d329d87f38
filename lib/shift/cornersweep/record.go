package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"goalgap/lib/stats"
)

// A point is a place in a record: a corner size, a cycle and one of the four quantities.
type point struct {
	size, cycle int
	quantity    string
}

// quantities are what is compared, by the record's names of levels and quantity.
var quantities = []string{"on return", "on proxy_corner", "off return", "off proxy_corner"}

func (r row) quantity(name string) float64 {
	return map[string]float64{"on return": r.on.cheese, "on proxy_corner": r.on.corner, "off return": r.off.cheese, "off proxy_corner": r.off.corner}[name]
}

// readRecord reads the recorded curves.
func readRecord(file string) (map[point]float64, error) {
	all, err := readCSV(file, "levels", "quantity", "cycle")
	if err != nil {
		return nil, err
	}
	record := map[point]float64{}
	for _, line := range all[1:] {
		cycle, err := strconv.Atoi(line[2])
		if err != nil {
			return nil, fmt.Errorf("%s: cycle %q", file, line[2])
		}
		for i, column := range all[0][3:] {
			size, err := strconv.Atoi(strings.TrimPrefix(column, "cs"))
			if err != nil {
				return nil, fmt.Errorf("%s: column %q", file, column)
			}
			if record[point{size, cycle, line[0] + " " + line[1]}], err = strconv.ParseFloat(line[3+i], 64); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return record, nil
}

func readCSV(file string, head ...string) ([][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err == nil && (len(all) < 1 || len(all[0]) < len(head) || !slices.Equal(all[0][:len(head)], head)) {
		err = fmt.Errorf("does not begin with the columns %v", head)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return all, nil
}

var columns = []string{"size", "seed", "cycle", "on return", "on proxy_corner", "off return", "off proxy_corner"}

// write writes rows as CSV.
func write(file string, rows []row) error {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.seed, b.seed), cmp.Compare(a.cycle, b.cycle))
	})
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write(columns)
	for _, r := range rows {
		line := []string{strconv.Itoa(r.size), strconv.FormatUint(r.seed, 10), strconv.Itoa(r.cycle)}
		for _, q := range quantities {
			line = append(line, strconv.FormatFloat(r.quantity(q), 'f', 7, 64))
		}
		w.Write(line)
	}
	w.Flush()
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// read reads what write has written.
func read(file string) ([]row, error) {
	all, err := readCSV(file, columns...)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, line := range all[1:] {
		var x [7]float64
		for i := range x {
			if x[i], err = strconv.ParseFloat(line[i], 64); err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
		}
		rows = append(rows, row{size: int(x[0]), seed: uint64(x[1]), cycle: int(x[2]), on: returns{x[3], x[4]}, off: returns{x[5], x[6]}})
	}
	return rows, nil
}

// bySeed groups rows by what is compared: the values of all seeds at each point.
func bySeed(rows []row) map[point][]float64 {
	m := map[point][]float64{}
	for _, r := range rows {
		for _, q := range quantities {
			p := point{r.size, r.cycle, q}
			m[p] = append(m[p], r.quantity(q))
		}
	}
	return m
}

// compare writes a table: for each size, cycle and quantity the mean over seeds with its interval, and the record.
func compare(rows []row, record map[point]float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %-6s %-17s %-26s %s\n", "size", "cycle", "quantity", "mean over seeds", "record (1 seed)")
	groups := bySeed(rows)
	points := slices.SortedFunc(func(yield func(point) bool) {
		for p := range groups {
			if !yield(p) {
				return
			}
		}
	}, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.cycle, b.cycle), cmp.Compare(slices.Index(quantities, a.quantity), slices.Index(quantities, b.quantity)))
	})
	for _, p := range points {
		fmt.Fprintf(&b, "%-5d %-6d %-17s %-26s %.4f\n", p.size, p.cycle, p.quantity, stats.Seeds(groups[p]), record[p])
	}
	return b.String()
}
