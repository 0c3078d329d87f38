package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	sizes := flag.String("sizes", "1,4,11", "corner sizes, 1 to 11")
	seeds := flag.Int("seeds", 3, "seeds of training for each size")
	cycles := flag.Int("cycles", 64, "the last cycle, a multiple of 64; the record ends at 2432")
	part := flag.String("part", "1/1", "which of the runs: 1/2 is the first of two halves, for two processes with GOMAXPROCS=1, which are quicker than one with two cores")
	out := flag.String("o", "", "CSV file to write")
	record := flag.String("record", "lib/env/jaxgmg/corner/testdata/corner13-curves.csv", "the recorded curves")
	flag.Parse()
	if err := sweep(*sizes, *seeds, *cycles, *part, *out, *record); err != nil {
		fmt.Fprintln(os.Stderr, "cornersweep:", err)
		os.Exit(1)
	}
}

func sweep(sizes string, seeds, last int, part, out, record string) error {
	var list []int
	for s := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > 11 {
			return fmt.Errorf("corner size %q is none of 1 to 11", s)
		}
		list = append(list, n)
	}
	if seeds < 1 {
		return fmt.Errorf("%d seeds: at least 1 is needed", seeds)
	}
	if last < 0 || last > 2432 || last%logEvery != 0 {
		return fmt.Errorf("last cycle %d is no multiple of %d from 0 to 2432", last, logEvery)
	}
	var mine, parts int
	if n, err := fmt.Sscanf(part, "%d/%d", &mine, &parts); n != 2 || err != nil || mine < 1 || mine > parts {
		return fmt.Errorf("part %q is not of the form 1/2", part)
	}
	recorded, err := readRecord(record)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	var rows []row
	start, number := time.Now(), 0
	for seed := range seeds { // all sizes with the first seed, then the next
		for _, size := range list {
			if number++; number%parts != mine%parts {
				continue
			}
			var failed error
			err := run(ctx, size, uint64(seed+1), last, func(r row) {
				rows = append(rows, r)
				fmt.Fprintf(os.Stderr, "%v size %d seed %d cycle %d: on %.4f (corner %.4f) off %.4f (corner %.4f)\n",
					time.Since(start).Round(time.Second), r.size, r.seed, r.cycle, r.on.cheese, r.on.corner, r.off.cheese, r.off.corner)
				if out != "" && failed == nil {
					failed = write(out, rows)
				}
			})
			if err = cmp.Or(err, failed); err != nil {
				return fmt.Errorf("corner size %d, seed %d: %w", size, seed+1, err)
			}
		}
	}
	fmt.Print(compare(rows, recorded))
	return nil
}
