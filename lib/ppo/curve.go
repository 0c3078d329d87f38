package ppo

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"time"

	"goalgap/lib/env"
)

// Point is one update of a learning curve. The returns and the length are means over the last 100 episodes that have
// ended, or fewer while there are fewer, and NaN before the first. Rewards are undiscounted and unscaled.
type Point struct {
	Update   int // from 1
	Steps    int // environment steps so far
	Episodes int // episodes ended so far

	TrueReturn  float64 // sum over an episode of the environment's own reward
	TrainReturn float64 // sum over an episode of the reward that is trained on
	Length      float64 // of an episode, steps

	PolicyLoss        float64 // the clipped surrogate, mean over the update's samples, as are the next four
	ValueLoss         float64 // half the squared error
	Entropy           float64 // of the policy, nats
	ApproxKL          float64 // from the policy that collected, nats
	ClipFraction      float64 // samples whose ratio was beyond the clip range
	ExplainedVariance float64 // 1 - Var(return - value) / Var(return); NaN if returns do not vary
	GradNorm          float64 // before clipping, mean over the update's gradient steps
	LearningRate      float64

	Seconds float64 // spent training so far
}

// Progress is handed to Config.Progress and Config.Callbacks after each update.
type Progress struct {
	Steps, Total   int     // environment steps so far, and in all
	StepsPerSecond float64 // since the update before
	Elapsed        time.Duration
	Point          Point
	Evaluated      []Evaluated // the evaluations done after this update

	Curve   []Point     // all points so far, the last is Point; not to be changed
	History []Evaluated // all evaluations so far, those of Evaluated last; not to be changed

	// Trainer is the training, for its Policy, Config and Save. It must not be run from within a callback.
	Trainer *Trainer
}

// Remaining estimates how long the rest will take, at the mean pace so far.
func (p Progress) Remaining() time.Duration {
	if p.Steps == 0 {
		return 0
	}
	return time.Duration(float64(p.Elapsed) * float64(p.Total-p.Steps) / float64(p.Steps))
}

// record adds a point for the update just completed, evaluates and calls the callbacks. It returns an error if one of
// them does. None of it counts as time spent training.
func (t *Trainer) record() error {
	s, e := &t.learn.total, &t.episodes
	n := float64(s.samples)
	t.update-- // the learning rate of the update that is over
	rate := t.learningRate()
	t.update++
	p := Point{
		Update: t.update, Steps: t.update * len(t.order), Episodes: e.ended,
		TrueReturn: e.mean(e.trueReturn), TrainReturn: e.mean(e.trainReturn), Length: e.mean(e.length),
		PolicyLoss: s.policyLoss / n, ValueLoss: s.valueLoss / n, Entropy: s.entropy / n, ApproxKL: s.kl / n,
		ClipFraction:      float64(s.clipped) / n,
		ExplainedVariance: explainedVariance(t.rollout.value, t.rollout.ret),
		GradNorm:          t.learn.norm / float64(t.learn.steps),
		LearningRate:      rate,
		Seconds:           t.elapsed.Seconds(),
	}
	before := 0.0
	if len(t.curve) > 0 {
		before = t.curve[len(t.curve)-1].Seconds
	}
	t.curve = append(t.curve, p)
	evaluated, err := t.evaluate()
	if err != nil {
		return err
	}
	progress := Progress{
		Steps: p.Steps, Total: t.updates * len(t.order),
		StepsPerSecond: float64(len(t.order)) / (p.Seconds - before),
		Elapsed:        t.elapsed, Point: p, Evaluated: evaluated,
		Curve: t.curve[:len(t.curve):len(t.curve)], History: t.evaluated[:len(t.evaluated):len(t.evaluated)],
		Trainer: t,
	}
	if t.cfg.Progress != nil {
		t.cfg.Progress(progress)
	}
	return t.call(progress)
}

// explainedVariance says how much of the returns' variance the values predict.
func explainedVariance(value, ret []float32) float64 {
	var meanR, meanD float64
	n := float64(len(ret))
	for i, r := range ret {
		meanR += float64(r) / n
		meanD += float64(r-value[i]) / n
	}
	var varR, varD float64
	for i, r := range ret {
		varR += (float64(r) - meanR) * (float64(r) - meanR)
		varD += (float64(r-value[i]) - meanD) * (float64(r-value[i]) - meanD)
	}
	if varR == 0 {
		return math.NaN()
	}
	return 1 - varD/varR
}

// window is over how many episodes a Point's means are taken.
const window = 100

// episodes counts the rewards of the episodes under way and remembers the last that ended.
type episodes struct {
	trueSum, trainSum []float64 // of each environment's episode under way
	steps             []int

	ended                           int
	trueReturn, trainReturn, length []float64 // of the last episodes, [ended%window] being the next to go
}

func newEpisodes(envs int) episodes {
	return episodes{
		trueSum: make([]float64, envs), trainSum: make([]float64, envs), steps: make([]int, envs),
		trueReturn: make([]float64, window), trainReturn: make([]float64, window), length: make([]float64, window),
	}
}

// count goes through a rollout.
func (e *episodes) count(r *rollout) {
	for row, end := range r.end {
		i := row % r.envs
		e.trueSum[i] += float64(r.own[row])
		e.trainSum[i] += float64(r.reward[row])
		e.steps[i]++
		if end == env.Running {
			continue
		}
		at := e.ended % window
		e.trueReturn[at], e.trainReturn[at], e.length[at] = e.trueSum[i], e.trainSum[i], float64(e.steps[i])
		e.trueSum[i], e.trainSum[i], e.steps[i] = 0, 0, 0
		e.ended++
	}
}

// mean returns the mean of what has been remembered.
func (e *episodes) mean(x []float64) float64 {
	n := min(e.ended, window)
	sum := 0.0
	for _, v := range x[:n] {
		sum += v
	}
	return sum / float64(n)
}

// WriteCSV writes a curve with a header line that names the fields of Point; NaN is an empty field.
func WriteCSV(w io.Writer, curve []Point) error {
	if err := writeCSV(w, curve); err != nil {
		return fmt.Errorf("ppo: writing a curve of %d points: %w", len(curve), err)
	}
	return nil
}

// WriteEvaluatedCSV writes the results of evaluations with a header line that names the fields of Evaluated.
func WriteEvaluatedCSV(w io.Writer, evaluated []Evaluated) error {
	if err := writeCSV(w, evaluated); err != nil {
		return fmt.Errorf("ppo: writing the results of %d evaluations: %w", len(evaluated), err)
	}
	return nil
}

// writeCSV writes structs of numbers and strings.
func writeCSV[T any](w io.Writer, rows []T) error {
	out := csv.NewWriter(w)
	kind := reflect.TypeFor[T]()
	record := make([]string, kind.NumField())
	for i := range record {
		record[i] = kind.Field(i).Name
	}
	out.Write(record)
	for _, row := range rows {
		v := reflect.ValueOf(row)
		for i := range record {
			switch f := v.Field(i); {
			case f.Kind() == reflect.String:
				record[i] = f.String()
			case f.CanInt():
				record[i] = strconv.FormatInt(f.Int(), 10)
			case math.IsNaN(f.Float()):
				record[i] = ""
			default:
				record[i] = strconv.FormatFloat(f.Float(), 'g', -1, 64)
			}
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}

// numbers returns the fields in order.
func (p Point) numbers() []float64 {
	v := reflect.ValueOf(p)
	out := make([]float64, v.NumField())
	for i := range out {
		if f := v.Field(i); f.CanInt() {
			out[i] = float64(f.Int())
		} else {
			out[i] = f.Float()
		}
	}
	return out
}

// pointFrom is the inverse of numbers.
func pointFrom(x []float64) (p Point) {
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.CanInt() {
			f.SetInt(int64(x[i]))
		} else {
			f.SetFloat(x[i])
		}
	}
	return p
}
