package cell

import "runtime"

// A Test is a *testing.T or a *testing.B.
type Test interface {
	Errorf(format string, args ...any)
	FailNow()
	Skipped() bool
}

// Subtest returns f as a function that fails where f panics or is interrupted. Package testing would end the process:
// a subtest has a goroutine of its own.
func Subtest[T Test](f func(T)) func(T) {
	if f == nil {
		return nil
	}
	return func(t T) {
		ended := false
		defer func() {
			switch p := recover(); {
			case p != nil:
				trace := make([]byte, 1<<14)
				t.Errorf("panic: %v\n%s", p, trace[:runtime.Stack(trace, false)])
			case !ended && !t.Skipped():
				t.FailNow() // tells package testing that the goroutine ends on purpose, be it after t.FailNow or an interrupt
			}
		}()
		f(t)
		ended = true
	}
}
