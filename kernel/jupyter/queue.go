package jupyter

import (
	"encoding/json"
	"sync"
	"time"
)

// queue holds requests in the order of their arrival. It has no bound: a front end that sends many cells must not keep
// what comes after them, such as messages of widgets, from being read.
type queue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	list   []*message
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *queue) push(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, m)
	q.cond.Signal()
}

// pop waits for a request; it returns nil when the queue is closed.
func (q *queue) pop() *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 && !q.closed {
		q.cond.Wait()
	}
	if q.closed {
		return nil
	}
	m := q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	return m
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}

// codes returns the code of the execute requests that wait, in their order.
func (q *queue) codes() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var codes []string
	for _, m := range q.list {
		var r executeRequest
		if m.header.Type == "execute_request" && json.Unmarshal(m.content, &r) == nil && r.Code != nil {
			codes = append(codes, *r.Code)
		}
	}
	return codes
}

// gatherTime is how long the kernel waits for more cells before it looks at those that wait: front ends send those of Run
// All one by one.
const gatherTime = 10 * time.Millisecond

// compileAhead tells the engine which cells wait behind the one that runs.
func (k *Kernel) compileAhead() {
	if k.planning.Swap(true) {
		return
	}
	time.AfterFunc(gatherTime, func() {
		k.planning.Store(false)
		if p, ok := k.engineIfReady().(planner); ok {
			if codes := k.requests.codes(); len(codes) > 0 {
				p.Ahead(codes)
			}
		}
	})
}
