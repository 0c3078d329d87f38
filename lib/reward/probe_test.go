package reward_test

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/reward"
	"goalgap/lib/rng"
)

// Activations are noise, and one planted direction carries the answer: the probe finds the direction and, where the noise
// lets it, the answer. The direction of linear discriminant analysis for two Gaussians with means ±m and unit variance is m,
// and the best accuracy Φ(|m|).
func TestProbeFindsAPlantedDirection(t *testing.T) {
	const n, width, length = 8000, 30, 1.5
	random := rng.New(7, "test probe", 0)
	planted := make([]float64, width)
	norm := 0.0
	for j := range planted {
		planted[j] = random.NormFloat64()
		norm += planted[j] * planted[j]
	}
	for j := range planted {
		planted[j] *= length / math.Sqrt(norm)
	}
	x, label := make([][]float64, n), make([]bool, n)
	for i := range x {
		label[i] = random.IntN(2) == 1
		sign := -1.0
		if label[i] {
			sign = 1
		}
		x[i] = make([]float64, width)
		for j := range x[i] {
			x[i][j] = sign*planted[j] + random.NormFloat64()
		}
	}
	p, err := reward.FitProbe(x, label, nil, reward.DefaultProbe())
	if err != nil {
		t.Fatal(err)
	}
	var along, length2 float64
	for j, w := range p.Weight {
		along += w * planted[j] / length
		length2 += w * w
	}
	if cos := along / math.Sqrt(length2); cos < 0.98 {
		t.Errorf("the probe's direction has cosine %.3f with the planted one", cos)
	}
	best := 0.5 * math.Erfc(-length/math.Sqrt2)
	if math.Abs(p.Accuracy-best) > 0.02 {
		t.Errorf("accuracy %.3f, the best possible is %.3f", p.Accuracy, best)
	}
	if auc := 0.5 * math.Erfc(-length); math.Abs(p.AUROC-auc) > 0.02 { // Φ(2|m|/√2)
		t.Errorf("AUROC %.3f, the best possible is %.3f", p.AUROC, auc)
	}
	if math.Abs(p.Base-0.5) > 0.05 {
		t.Errorf("the more frequent answer is right in %.3f", p.Base)
	}

	// Control: of labels that have nothing to do with the activations nothing is found.
	for i := range label {
		label[i] = random.IntN(2) == 1
	}
	if p, err = reward.FitProbe(x, label, nil, reward.DefaultProbe()); err != nil {
		t.Fatal(err)
	}
	if math.Abs(p.AUROC-0.5) > 0.04 {
		t.Errorf("AUROC %.3f of chance", p.AUROC)
	}
}

// Rows of one group are held out together: a probe that could learn each group by heart is not measured on groups that it
// has seen.
func TestProbeHoldsOutGroups(t *testing.T) {
	const groups, rows = 40, 20
	random := rng.New(3, "test groups", 0)
	var x [][]float64
	var label []bool
	var group []int
	for g := range groups {
		yes := random.IntN(2) == 1
		for range rows {
			row := make([]float64, groups)
			row[g] = 1 // says which group, and nothing else
			x, label, group = append(x, row), append(label, yes), append(group, g)
		}
	}
	together, err := reward.FitProbe(x, label, group, reward.DefaultProbe())
	if err != nil {
		t.Fatal(err)
	}
	apart, err := reward.FitProbe(x, label, nil, reward.DefaultProbe())
	if err != nil {
		t.Fatal(err)
	}
	if together.AUROC != 0.5 || apart.AUROC < 0.99 {
		t.Errorf("AUROC %.2f on new groups and %.2f on new rows of known ones", together.AUROC, apart.AUROC)
	}
}

func TestProbeErrors(t *testing.T) {
	some := [][]float64{{1, 2}, {2, 1}, {3, 1}, {0, 1}, {2, 2}, {5, 1}, {3, 3}, {1, 1}}
	half := []bool{true, false, true, false, true, false, true, false}
	cfg := reward.DefaultProbe()
	same := make([][]float64, 8)
	for i := range same {
		same[i] = []float64{4, 4}
	}
	nan := append([][]float64{{math.NaN(), 0}}, some[1:]...)
	for name, c := range map[string]struct {
		x    [][]float64
		y    []bool
		says string
	}{
		"one class":  {some, make([]bool, 8), "0 of the 6 examples to fit are yes"},
		"constant":   {same, half, "the same in all"},
		"NaN":        {nan, half, "activation 0 of row 0 is NaN"},
		"too few":    {some, half[:3], "8 activations, 3 labels"},
		"ragged":     {append([][]float64{{1}}, some[1:]...), half, "row 1 has 2"},
		"no example": {nil, nil, "0 activations"},
	} {
		_, err := reward.FitProbe(c.x, c.y, nil, cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}
