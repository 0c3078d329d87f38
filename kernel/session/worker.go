package session

import "goalgap/kernel/worker"

// Worker returns the kernel's end of the present worker process, nil when the session is closed. Another one takes its
// place after a crash or a restart.
func (s *Session) Worker() *worker.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}
