package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"goalgap/kernel/jupyter/zmtp"
	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// abortWindow is how long after a failed cell those requests may still arrive that were sent before it had failed: front
// ends send those of Run All one by one.
const abortWindow = 100 * time.Millisecond

// sentBefore reports whether a request was sent before a cell failed, as far as that can be told: it was here already, or it
// came soon afterwards and bears an earlier date. What somebody sends who has seen the failure bears a later one.
func (m *message) sentBefore(failed time.Time) bool {
	if m.received.Before(failed) {
		return true
	}
	sent, err := time.Parse(time.RFC3339Nano, m.header.Date)
	return err == nil && sent.Before(failed) && m.received.Before(failed.Add(abortWindow))
}

// executeRequest is the content of an execute_request.
type executeRequest struct {
	Code            *string        `json:"code"`
	Silent          bool           `json:"silent"`
	StoreHistory    *bool          `json:"store_history"`
	StopOnError     *bool          `json:"stop_on_error"`
	AllowStdin      bool           `json:"allow_stdin"`
	UserExpressions map[string]any `json:"user_expressions"`
}

func (k *Kernel) execute(s *zmtp.Socket, m *message) {
	var q executeRequest
	err := json.Unmarshal(m.content, &q)
	if err == nil && q.Code == nil {
		err = errors.New("it has no code")
	}
	k.mu.Lock()
	aborted := m.sentBefore(k.failed)
	count := k.count
	k.mu.Unlock()
	started := map[string]any{"started": timestamp(time.Now())}
	if err != nil {
		f := &session.Failure{Name: "malformed request", Value: fmt.Sprintf("an execute_request cannot be read: %v", err)}
		k.replyWith(s, m, "execute_reply", started, failed(f, count))
		return
	}
	if aborted {
		k.replyWith(s, m, "execute_reply", started, map[string]any{"status": "aborted", "execution_count": count})
		return
	}
	code := *q.Code
	if !q.Silent && (q.StoreHistory == nil || *q.StoreHistory) && strings.TrimSpace(code) != "" {
		k.mu.Lock()
		k.count++
		count = k.count
		k.mu.Unlock()
		k.history.add(count, code)
	}
	c := &origin{message: m.withoutContent(), silent: q.Silent, count: count, input: q.AllowStdin}
	k.mu.Lock()
	k.current = c
	k.mu.Unlock()
	if !q.Silent {
		k.publish("execute_input", m, map[string]any{"code": code, "execution_count": count})
	}
	f := k.run(code, fmt.Sprintf("cell [%d]", count), q.AllowStdin)
	expressions := map[string]any{}
	if f == nil {
		for name, e := range q.UserExpressions {
			expressions[name] = k.evaluate(e)
		}
	}
	k.limiter.End()
	if f == nil {
		k.replyWith(s, m, "execute_reply", started, map[string]any{"status": "ok", "execution_count": count,
			"user_expressions": expressions, "payload": k.payload()})
		return
	}
	failure := time.Now()
	content := failed(f, count)
	k.publish("error", m, map[string]any{"ename": content["ename"], "evalue": content["evalue"], "traceback": content["traceback"]})
	if q.StopOnError == nil || *q.StopOnError {
		k.mu.Lock()
		k.failed = failure
		k.mu.Unlock()
		if p, ok := k.engineIfReady().(planner); ok {
			p.Ahead(nil) // what waits is not going to run
		}
	}
	k.replyWith(s, m, "execute_reply", started, content)
}

// run executes code in the engine, which it waits for.
func (k *Kernel) run(code, label string, input bool) *session.Failure {
	<-k.ready
	if k.err != nil {
		return &session.Failure{Name: "kernel", Value: k.err.Error(), Traceback: []string{k.err.Error()}}
	}
	if e, ok := k.engine.(interface{ Revive() }); ok {
		e.Revive()
	}
	k.limiter.Begin()
	k.attach(input)
	f := k.engine.Execute(code, label)
	k.attach(false) // the cell may have ended the worker, which was replaced
	k.endInput()
	return f
}

// payload is what the cell wants of the front end, such as a text for the next cell.
func (k *Kernel) payload() any {
	if p, ok := k.engine.(interface{ TakePayload() []map[string]any }); ok {
		if list := p.TakePayload(); len(list) > 0 {
			return list
		}
	}
	return []any{}
}

// failed is the content of a reply that says how a cell failed.
func failed(f *session.Failure, count int) map[string]any {
	traceback := f.Traceback
	if traceback == nil {
		traceback = []string{}
	}
	return map[string]any{"status": "error", "execution_count": count, "ename": f.Name, "evalue": f.Value, "traceback": traceback,
		"user_expressions": struct{}{}, "payload": []any{}}
}

// evaluate answers a user expression of an execute_request.
func (k *Kernel) evaluate(expression any) any {
	code, ok := expression.(string)
	var data, metadata map[string]any
	f := &session.Failure{Name: "malformed request", Value: fmt.Sprintf("the expression %v is not a string", expression)}
	if ok {
		k.mu.Lock()
		k.result = func(e worker.Event) { data, metadata = e.Data, e.Metadata }
		k.mu.Unlock()
		f = k.run(code, "expression", false)
		k.mu.Lock()
		k.result = nil
		k.mu.Unlock()
	}
	if f != nil {
		return map[string]any{"status": "error", "ename": f.Name, "evalue": f.Value, "traceback": append([]string{}, f.Traceback...)}
	}
	return map[string]any{"status": "ok", "data": orEmpty(data), "metadata": orEmpty(metadata)}
}

// orEmpty makes an object of nothing: the protocol knows no null there.
func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
