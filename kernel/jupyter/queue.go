package jupyter

import "sync"

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
