package nn

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/internal/fork"
)

// Job is one network's part in Accumulate.
type Job struct {
	Net   *Net
	Batch env.Batch
	Rows  []int32 // which rows of the batch, in which order; nil for all

	// Loss is handed the outputs out [hi-lo][Out] of rows lo .. hi-1 and writes the derivative of the loss with respect
	// to them to dOut, which is of the same shape and all zeros. lo and hi count within Rows where there are Rows, and
	// lo is a multiple of Net.Block(), hi-lo is at most that. It is called for different rows at the same time, so it must write nowhere else than to
	// places of its own, such as one for each lo/Net.Block().
	Loss func(lo, hi int, out, dOut []float32)
}

// accumulation is the state of one Accumulate.
type accumulation struct {
	jobs   []Job
	pieces []piece
	run    *fork.Fork
	reduce *fork.Fork
	spans  []span
}

// piece is one part of one job.
type piece struct{ job, part int }

// span is a stretch of one job's gradient.
type span struct{ job, lo, hi int }

// spanLength is the length of a stretch of parameters that one core works on: large enough to be worth handing over.
const spanLength = 1 << 13

// Accumulate runs each job's rows through its network, forward and backward, and adds the gradients to the networks'
// Grad. The networks must be different ones. All of them are worked on at the same time where cores are free. It
// allocates nothing once it has been called with as many jobs and rows. It panics if a batch does not fit its network or
// an observation has an index out of range, or a network has a GRU: see AccumulateThroughTime.
func Accumulate(jobs ...Job) {
	if len(jobs) == 0 {
		return
	}
	for i := range jobs {
		if jobs[i].Net.gru != nil {
			panic("nn: Accumulate for a network with a GRU: see AccumulateThroughTime")
		}
	}
	a := jobs[0].Net.accumulation()
	a.prepare(jobs...)
	a.run.Do(len(a.pieces))
	a.reduce.Do(len(a.spans))
	clear(a.jobs) // keep nobody's batch alive
}

// accumulation returns the state of an Accumulate whose first job is for n.
func (n *Net) accumulation() *accumulation {
	if n.acc == nil {
		a := new(accumulation)
		a.run = fork.New(a.runPiece)
		a.reduce = fork.New(a.reduceSpan)
		n.acc = a
	}
	return n.acc
}

// prepare cuts the jobs into pieces.
func (a *accumulation) prepare(jobs ...Job) {
	a.jobs = append(a.jobs[:0], jobs...)
	a.pieces, a.spans = a.pieces[:0], a.spans[:0]
	for j, job := range jobs {
		n := job.Net
		n.fits(job.Batch)
		for _, r := range job.Rows {
			if r < 0 || int(r) >= job.Batch.N {
				panic(fmt.Sprintf("nn: row %d of a batch of %d", r, job.Batch.N))
			}
		}
		rows := job.rows()
		parts := n.partsOf(rows)
		for i := range parts {
			if p := n.part(i); i > 0 && p.grad == nil {
				p.grad = aligned(len(n.Grad))
			}
			a.pieces = append(a.pieces, piece{j, i})
		}
		if parts > 1 {
			for lo := 0; lo < len(n.Grad); lo += spanLength {
				a.spans = append(a.spans, span{j, lo, min(lo+spanLength, len(n.Grad))})
			}
		}
		n.transpose()
	}
}

// rows returns the number of rows of a job.
func (j *Job) rows() int {
	if j.Rows != nil {
		return len(j.Rows)
	}
	return j.Batch.N
}

// runPiece does one part of a job.
func (a *accumulation) runPiece(i int) {
	job, n := &a.jobs[a.pieces[i].job], a.jobs[a.pieces[i].job].Net
	number := a.pieces[i].part
	p, grad := n.parts[number], n.Grad
	if number > 0 {
		grad = p.grad
		clear(grad)
	}
	lo, hi := n.partRange(job.rows(), n.partsOf(job.rows()), number)
	for ; lo < hi; lo += n.block {
		end := min(lo+n.block, hi)
		size := (end - lo) * n.Shape.Out
		n.forward(p, job.Batch, job.Rows, lo, end, p.out[:size])
		clear(p.dOut[:size])
		job.Loss(lo, end, p.out[:size], p.dOut[:size])
		n.backward(p, end-lo, p.dOut[:size], grad)
	}
	p.dense = nil // keep nobody's batch alive
}

// reduceSpan adds one stretch of the parts' gradients to the network's, in the parts' order.
func (a *accumulation) reduceSpan(i int) {
	s := a.spans[i]
	job := &a.jobs[s.job]
	for _, p := range job.Net.parts[1:job.Net.partsOf(job.rows())] {
		add(job.Net.Grad[s.lo:s.hi], p.grad[s.lo:s.hi])
	}
}
