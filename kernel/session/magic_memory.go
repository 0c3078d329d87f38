package session

import (
	"fmt"
	"strconv"
	"strings"

	"goalgap/kernel/worker"
)

func init() {
	addMagics(&magic{name: "memlimit", usage: "[SIZE | off]", short: "limit the memory of cells",
		long: "SIZE is a number of bytes with an optional unit: 500MB, 2G. A cell that needs more ends with a message, and the session goes on,\n" +
			"with a new worker. From nine tenths of the limit on, garbage is collected eagerly. Without SIZE the limit is shown.",
		line: func(m *magicCall) *Failure { return m.memlimit() }})
}

func (m *magicCall) memlimit() *Failure {
	st := &m.Session.magic
	if m.args == "" {
		if st.limit == 0 {
			m.print("no memory limit is set\n")
		} else {
			m.print("memory limit: %s\n", size(st.limit))
		}
		return nil
	}
	limit, err := parseSize(m.args)
	if err != nil {
		return m.fail("%w", err)
	}
	client, err := m.worker()
	if err != nil {
		return m.fail("%w", err)
	}
	old := st.limit
	st.limit = limit
	if err := m.limitMemory(client); err != nil {
		st.limit = old
		return m.fail("limiting the worker's memory: %w", err)
	}
	if limit == 0 {
		m.print("no memory limit is set\n")
	} else {
		m.print("memory limit: %s\n", size(limit))
	}
	return nil
}

// limitMemory gives a worker the session's limit.
func (s *Session) limitMemory(client *worker.Client) error {
	if err := limitData(client.PID(), s.magic.limit); err != nil {
		return err
	}
	return client.SetMemoryLimit(s.magic.limit / 10 * 9)
}

// minimumLimit is what a worker needs to run cells at all.
const minimumLimit = 64 << 20

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1}, {"", 1}}

// parseSize reads a number of bytes; off is 0.
func parseSize(s string) (int64, error) {
	t := strings.ToLower(strings.ReplaceAll(s, " ", ""))
	if t == "off" || t == "none" {
		return 0, nil
	}
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(t, u.name); ok {
			n, err := strconv.ParseFloat(number, 64)
			switch {
			case err != nil || n <= 0 || n*u.bytes > 1<<50:
				return 0, fmt.Errorf("a size is a number and a unit (500MB, 2G) or off, not %q", s)
			case n*u.bytes < minimumLimit:
				return 0, fmt.Errorf("cells need at least %s", size(minimumLimit))
			}
			return int64(n * u.bytes), nil
		}
	}
	return 0, nil
}

func size(bytes int64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.3g GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%.4g MiB", float64(bytes)/(1<<20))
}

// explainMemory says of a worker that died under a limit what it died of.
func (s *Session) explainMemory(f *Failure) *Failure {
	if f == nil || s.magic.limit == 0 {
		return f
	}
	if f.Name == "load" && strings.Contains(f.Value, "failed to map segment") {
		f.Name, f.Value = "out of memory", fmt.Sprintf("the compiled cell does not fit into what is left of %s, the limit that %%memlimit has set", size(s.magic.limit))
		f.Traceback = []string{red + f.Name + plain + ": " + f.Value}
	}
	if !f.Died {
		return f
	}
	all := f.Value + strings.Join(f.Traceback, "\n")
	if strings.Contains(all, "out of memory") || strings.Contains(all, "cannot allocate memory") || strings.Contains(all, "errno=12") {
		f.Name, f.Value = "out of memory", fmt.Sprintf("the cell needed more than %s, the limit that %%memlimit has set", size(s.magic.limit))
		f.Traceback = append([]string{red + f.Name + plain + ": " + f.Value}, f.Traceback[min(1, len(f.Traceback)):]...)
	}
	return f
}
