package cell

import (
	"maps"
	"sync/atomic"
)

var renew func(types []any)

// SetRenew says what Renew calls. The worker calls it before any cell runs.
func SetRenew(f func(types []any)) { renew = f }

// Renew is called by a cell that has compiled types of earlier cells again, before its statements run: with nil pointers
// to an earlier type and to the one that takes its place, and so on for each of them. What interfaces hold of the earlier
// types becomes a value of the new ones.
func Renew(types ...any) { renew(types) }

// Mention is given nil pointers to types, so that the compiler describes them: those that are made at run time would be
// others than the ones that later cells write.
func Mention(types ...any) { mentioned.Store(&types) }

// mentioned keeps the compiler from leaving out what nobody uses.
var mentioned atomic.Pointer[[]any]

// AllNamed returns everything that Name was given, by symbol.
func AllNamed() map[string]any {
	mu.Lock()
	defer mu.Unlock()
	return maps.Clone(named)
}
