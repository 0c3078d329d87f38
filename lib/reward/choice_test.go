package reward

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// simulated returns cases in which somebody chooses by w·φ plus Gumbel noise, which is what makes a choice a conditional
// logit (McFadden 1974), so no probability is computed to draw it. Ten cases make a group.
func simulated(r *rand.Rand, n, options int, w []float64) *choice {
	k := len(w)
	x := &choice{n: n, options: options, k: k, phi: make([]float32, n*options*k), share: make([]float64, n*options),
		group: make([]int, n), groups: (n + 9) / 10, ridge: make([]float64, k)}
	for i := range x.phi {
		x.phi[i] = float32(r.NormFloat64())
	}
	for i := range n {
		x.group[i] = i / 10
		best, most := 0, math.Inf(-1)
		for o := range options {
			u := -math.Log(-math.Log(r.Float64()))
			for j := range k {
				u += w[j] * float64(x.phi[(i*options+o)*k+j])
			}
			if u > most {
				best, most = o, u
			}
		}
		x.share[i*options+best] = 1
	}
	return x
}

// probabilities returns how probable each option of a case is under w, written out from the definition.
func probabilities(x *choice, i int, w []float64) []float64 {
	p, sum := make([]float64, x.options), 0.0
	for o := range p {
		u := 0.0
		for j := range x.k {
			u += w[j] * float64(x.phi[(i*x.options+o)*x.k+j])
		}
		p[o] = math.Exp(u)
		sum += p[o]
	}
	for o := range p {
		p[o] /= sum
	}
	return p
}

func TestWeightsAreRecoveredFromSimulatedChoices(t *testing.T) {
	truth := []float64{1, -0.5, 0, 2}
	x := simulated(rand.New(rand.NewPCG(1, 2)), 4000, 5, truth)
	got, err := x.solve(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The sampling error is that of the inverse Fisher information at the truth, the sum over cases of the covariance of φ.
	information := mat.NewSymDense(x.k, nil)
	for i := range x.n {
		p := probabilities(x, i, truth)
		phi := func(o, j int) float64 { return float64(x.phi[(i*x.options+o)*x.k+j]) }
		for j := range x.k {
			for l := j; l < x.k; l++ {
				both, a, b := 0.0, 0.0, 0.0
				for o, q := range p {
					both, a, b = both+q*phi(o, j)*phi(o, l), a+q*phi(o, j), b+q*phi(o, l)
				}
				information.SetSym(j, l, information.At(j, l)+both-a*b)
			}
		}
	}
	var covariance mat.Dense
	if err := covariance.Inverse(information); err != nil {
		t.Fatal(err)
	}
	for j, w := range truth {
		if se := math.Sqrt(covariance.At(j, j)); math.Abs(got[j]-w) > 4*se {
			t.Errorf("weight %d is %.3f, want %.3f within four standard errors of %.3f", j, got[j], w, se)
		}
	}
}

func TestSharesCountLikeChoices(t *testing.T) {
	// One case of two options that differ by 1 in the only feature: the fit is log-odds, ln(0.8/0.2) = ln 4.
	x := &choice{n: 1, options: 2, k: 1, phi: []float32{1, 0}, share: []float64{0.8, 0.2}, group: []int{0}, groups: 1, ridge: []float64{0}}
	w, err := x.solve(context.Background(), nil, nil)
	if err != nil || math.Abs(w[0]-math.Log(4)) > 1e-4 {
		t.Errorf("weight %v, %v; want ln 4", w, err)
	}
}

func TestCountingAGroupTwiceIsHavingItTwice(t *testing.T) {
	x := simulated(rand.New(rand.NewPCG(3, 4)), 30, 3, []float64{1, -1})
	for j := range x.ridge {
		x.ridge[j] = 0.01
	}
	got, err := x.solve(context.Background(), []float64{2, 0, 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	y := *x
	y.phi, y.share, y.group = nil, nil, nil
	for _, g := range []int{0, 0, 2} {
		y.phi = append(y.phi, x.phi[g*10*3*2:(g+1)*10*3*2]...)
		y.share = append(y.share, x.share[g*10*3:(g+1)*10*3]...)
		y.group = append(y.group, x.group[g*10:(g+1)*10]...)
	}
	want, err := y.solve(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for j := range want {
		if math.Abs(got[j]-want[j]) > 1e-4 {
			t.Errorf("weights %v, want %v", got, want)
		}
	}
}

func TestDerivativesOfTheLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x := simulated(r, 40, 4, []float64{1, 0, -1})
	for i := range x.share { // shares rather than single choices
		x.share[i] = 0.7*x.share[i] + 0.3/4
	}
	times := []float64{1, 0, 3, 2}
	w := []float64{0.3, -0.7, 0.2}
	for j := range x.ridge {
		x.ridge[j] = 0.1 * float64(j+1)
	}
	gradient, hessian := make([]float64, 3), make([]float64, 9)
	value := x.loss(w, times, gradient, hessian)
	if plain := x.loss(w, times, nil, nil); plain != value {
		t.Errorf("loss %v with derivatives, %v without", value, plain)
	}
	const h = 1e-5
	up, down, none := make([]float64, 3), make([]float64, 3), make([]float64, 9)
	for j := range w {
		moved := slices.Clone(w)
		moved[j] = w[j] + h
		above := x.loss(moved, times, up, none)
		moved[j] = w[j] - h
		below := x.loss(moved, times, down, none)
		if want := (above - below) / (2 * h); math.Abs(gradient[j]-want) > 1e-8 {
			t.Errorf("derivative by weight %d is %v, want %v", j, gradient[j], want)
		}
		for l := range w {
			if want := (up[l] - down[l]) / (2 * h); math.Abs(hessian[j*3+l]-want) > 1e-8 {
				t.Errorf("second derivative by weights %d and %d is %v, want %v", j, l, hessian[j*3+l], want)
			}
		}
	}
}

func TestSelectionFindsTheTrueFeatures(t *testing.T) {
	truth := make([]float64, 12)
	truth[3], truth[8] = 1.5, -1.2
	for seed := range uint64(5) {
		x := simulated(rand.New(rand.NewPCG(seed, 7)), 1500, 4, truth)
		for j := range x.ridge {
			x.ridge[j] = 1e-3
		}
		// What knowing the true weights is worth, over choosing at random.
		want := math.Log(4)
		for i := range x.n {
			for o, p := range probabilities(x, i, truth) {
				want += x.share[i*x.options+o] * math.Log(p) / float64(x.n)
			}
		}
		d := Default()
		use, gain, err := x.sparsest(context.Background(), d.Folds, d.Most, d.Certainty, d.Share)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(use, []int{3, 8}) { // the larger weight first
			t.Errorf("seed %d: features %v, want 3 and 8", seed, use)
		}
		// A fit of two weights to four fifths of 1500 cases loses about 2/(2·1200) nats a case on the rest.
		if math.Abs(gain-want) > 0.005 {
			t.Errorf("seed %d: held-out gain %.4f nats, the truth's is %.4f", seed, gain, want)
		}
		if use, _, err = x.sparsest(context.Background(), d.Folds, 1, d.Certainty, d.Share); err != nil || !slices.Equal(use, []int{3}) {
			t.Errorf("seed %d: at most one feature: %v, %v", seed, use, err)
		}
	}
}

func TestStandardizingLeavesWhatChoicesDependOn(t *testing.T) {
	// Two cases of two options. Feature 0 is the same for both options of each case, so no choice depends on it; feature 1
	// is ±1 about its mean in each case, feature 2 is ±2 in the first and constant in the second, so its variance is
	// (4+4+0+0)/4 = 2.
	x := &choice{n: 2, options: 2, k: 3, phi: []float32{
		7, 0, 4,
		7, 2, 0,
		5, 3, 9,
		5, 1, 9,
	}}
	spread := x.standardize()
	for j, want := range []float64{0, 1, math.Sqrt2} {
		if math.Abs(spread[j]-want) > 1e-6 {
			t.Errorf("deviation %d is %v, want %v", j, spread[j], want)
		}
	}
	for i, want := range []float64{
		0, -1, math.Sqrt2,
		0, 1, -math.Sqrt2,
		0, 1, 0,
		0, -1, 0,
	} {
		if math.Abs(float64(x.phi[i])-want) > 1e-6 {
			t.Errorf("value %d is %v, want %v", i, x.phi[i], want)
		}
	}
}

func TestSolveSymmetric(t *testing.T) {
	// 4·1.25 + 2·1.5 = 8 and 2·1.25 + 3·1.5 = 7.
	b := []float64{8, 7}
	if !solveSymmetric([]float64{4, 2, 2, 3}, b) || math.Abs(b[0]-1.25) > 1e-12 || math.Abs(b[1]-1.5) > 1e-12 {
		t.Errorf("solution %v, want 1.25 and 1.5", b)
	}
	if solveSymmetric([]float64{1, 2, 2, 1}, []float64{1, 1}) { // eigenvalues 3 and -1
		t.Error("a matrix that is not positive definite was taken")
	}
}

func TestFittingStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := simulated(rand.New(rand.NewPCG(1, 2)), 100, 3, []float64{1})
	if _, err := x.solve(ctx, nil, nil); err == nil {
		t.Error("no error")
	}
}
