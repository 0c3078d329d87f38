package reward_test

import (
	"math"
	"testing"

	"goalgap/lib/reward"
	"goalgap/lib/rng"
)

// The divergence by simulation: the quantile of the best of n uniform draws, counted in bins, against the uniform one.
func TestBestOfNDivergence(t *testing.T) {
	const draws, bins = 400_000, 250
	for _, n := range []int{1, 2, 4, 16, 64} {
		random := rng.New(uint64(n), "test best of n", 0)
		var count [bins]int
		for range draws {
			best := 0.0
			for range n {
				best = max(best, random.Float64())
			}
			count[int(best*bins)]++
		}
		kl := 0.0
		for _, c := range count {
			if p := float64(c) / draws; p > 0 {
				kl += p * math.Log(p*bins)
			}
		}
		// Counting adds about bins/(2·draws), and bins of finite width take a little away where the density is steep.
		if want := reward.BestOfNKL(float64(n)); math.Abs(kl-want) > 0.01 {
			t.Errorf("best of %d: %.4f nats by simulation, formula %.4f", n, kl, want)
		}
	}
}

// Of all subsets of n the best by score is known by listing them.
func TestBestOfNByListing(t *testing.T) {
	scores := []float64{3, 1, 4, 1, 5, 9, 2, 6}
	values := []float64{2, 7, 1, 8, 2, 8, 1, 8}
	var ns []int
	var want []float64
	for n := 1; n <= len(scores); n++ {
		sum, count := 0.0, 0.0
		for set := range 1 << len(scores) {
			size, top := 0, math.Inf(-1)
			for i, s := range scores {
				if set>>i&1 == 1 {
					size++
					top = max(top, s)
				}
			}
			if size != n {
				continue
			}
			best, ties := 0.0, 0.0
			for i, s := range scores {
				if set>>i&1 == 1 && s == top {
					best += values[i]
					ties++
				}
			}
			sum += best / ties
			count++
		}
		ns, want = append(ns, n), append(want, sum/count)
	}
	got, err := reward.BestOfN(scores, values, ns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("best of %d is worth %v, want %v", ns[i], got[i], want[i])
		}
	}
	for name, err := range map[string]error{
		"n of 0":          second(reward.BestOfN(scores, values, []int{0})),
		"n of 9":          second(reward.BestOfN(scores, values, []int{9})),
		"NaN":             second(reward.BestOfN([]float64{math.NaN()}, []float64{1}, []int{1})),
		"lengths":         second(reward.BestOfN(scores, values[1:], ns)),
		"nothing at all":  second(reward.BestOfN(nil, nil, nil)),
		"infinite values": second(reward.BestOfN([]float64{1}, []float64{math.Inf(1)}, []int{1})),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
