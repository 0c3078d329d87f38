package main

import (
	"math"
	"testing"

	"goalgap/lib/stats"
)

// The runs that testdata/sweep.csv holds, with the command in doc.go, against the record. The record has one seed, so it is
// asked whether that could be one more of ours: whether it lies within the interval in which the next seed is expected with
// 95 % (Student's t). Of so many intervals one in twenty misses; a tenth may.
func TestTheRunsAgreeWithTheRecord(t *testing.T) {
	record, err := readRecord("../../env/jaxgmg/corner/testdata/corner13-curves.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := read("testdata/sweep.csv")
	if err != nil {
		t.Fatal(err)
	}
	compared, missed := 0, 0
	mean := map[point]float64{}
	for p, values := range bySeed(rows) {
		if p.cycle == 0 {
			continue // the record's runs have one draw of initial weights, and hardly differ from it yet
		}
		if len(values) < 3 {
			t.Errorf("%+v: %d seeds", p, len(values))
			continue
		}
		mean[p] = stats.Mean(values)
		n := float64(len(values))
		s := 0.0
		for _, v := range values {
			s += (v - mean[p]) * (v - mean[p]) / (n - 1)
		}
		half := studentQuantile[len(values)-1] * math.Sqrt(s*(1+1/n))
		compared++
		verdict := ""
		if math.Abs(record[p]-mean[p]) > half {
			missed++
			verdict = ", missed"
		}
		t.Logf("%+v: %v, next seed %.3f to %.3f, record %.4f%s", p, values, mean[p]-half, mean[p]+half, record[p], verdict)
		if math.Abs(record[p]-mean[p]) > 0.1 {
			t.Errorf("%+v: mean %.4f, but the record is %.4f", p, mean[p], record[p])
		}
	}
	if compared < 12 || missed > compared/10 {
		t.Errorf("%d of %d intervals miss the record", missed, compared)
	}
	// The order that the record has at every cycle from 64 on: the smaller the corner, the sooner it is learnt where the
	// cheese lies, and the more surely the corner is gone to where it does not lie there.
	const cycle = 64
	for _, q := range []string{"on return", "off proxy_corner"} {
		if a, b := mean[point{1, cycle, q}], mean[point{11, cycle, q}]; !(a > b) {
			t.Errorf("%s at cycle %d: %.4f with corner size 1, %.4f with 11", q, cycle, a, b)
		}
	}
}

// studentQuantile is the 97.5 % quantile of Student's t, by degrees of freedom (any table).
var studentQuantile = map[int]float64{2: 4.303, 3: 3.182, 4: 2.776}
