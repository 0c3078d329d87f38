package fork

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestEveryPieceRunsOnce(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, n := range []int{0, 1, 2, 3, 17, 1000} {
			counts := make([]atomic.Int32, n)
			k := New(func(i int) { counts[i].Add(1) })
			for range 200 {
				k.Do(n)
			}
			for i := range counts {
				if got := counts[i].Load(); got != 200 {
					t.Fatalf("procs %d, n %d: piece %d ran %d times in 200 calls", procs, n, i, got)
				}
			}
		}
	}
}

func TestDoIsOverWhenItReturns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	out := make([]int, 64) // plain memory: the race detector watches
	var round int
	k := New(func(i int) { out[i] = round })
	for round = range 500 {
		k.Do(len(out))
		for i, v := range out {
			if v != round {
				t.Fatalf("round %d: piece %d still shows %d", round, i, v)
			}
		}
	}
}

func TestNestedAndConcurrentDoRunAsLoops(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var sum atomic.Int64
	inner := New(func(i int) { sum.Add(int64(i)) })
	outer := New(func(int) { inner.Do(10) }) // 0+…+9 = 45
	outer.Do(8)
	if got := sum.Load(); got != 8*45 {
		t.Errorf("sum = %d, want %d", got, 8*45)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	k := New(func(i int) {
		if i == 3 {
			panic("piece 3")
		}
	})
	func() {
		defer func() {
			if p := recover(); p != "piece 3" {
				t.Errorf("recovered %v, want %q", p, "piece 3")
			}
		}()
		k.Do(8)
	}()
	ok := New(func(int) {})
	ok.Do(8) // the helpers are free again
}

func TestDoDoesNotAllocate(t *testing.T) {
	k := New(func(int) {})
	if n := testing.AllocsPerRun(100, func() { k.Do(4) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkEmpty(b *testing.B) {
	k := New(func(int) {})
	for b.Loop() {
		k.Do(2)
	}
}
