package session

import "golang.org/x/sys/unix"

// limitData limits what a process may have of memory that is its own to write; 0 lifts the limit. The address space, which
// Go reserves generously, is not limited.
func limitData(pid int, bytes int64) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_DATA, nil, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if bytes > 0 {
		limit.Cur = min(uint64(bytes), limit.Max)
	}
	return unix.Prlimit(pid, unix.RLIMIT_DATA, &limit, nil)
}
