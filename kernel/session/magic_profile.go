package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func init() {
	addMagics(&magic{name: "prun", usage: "[-l LINES] STATEMENT", short: "run a statement, or with %% the cell, and show which functions took the time",
		long: "The processor is asked 100 times a second what it does. flat is the time in a function itself, cum that in what it calls, too;\n" +
			"the LINES functions (20) with the most of their own are shown. What takes less than a second or so shows little.",
		line: func(m *magicCall) *Failure { return m.profile(false) },
		cell: func(m *magicCall) *Failure { return m.profile(true) }})
}

func (m *magicCall) profile(cell bool) *Failure {
	args, value, err := takeOption(fields(m.args), "-l")
	lines := 20
	if err == nil && value != "" {
		if lines, err = strconv.Atoi(value); err != nil || lines < 1 {
			err = fmt.Errorf("-l takes a number above 0, not %q", value)
		}
	}
	if err != nil {
		return m.fail("%w", err)
	}
	statement := m.args
	if value != "" { // as it was written, not as it was cut into fields
		statement = strings.TrimLeft(statement[strings.Index(statement, value)+len(value):], " \t")
	}
	if !cell && statement == "" || cell && len(args) > 0 {
		return m.usage()
	}
	client, err := m.worker()
	if err != nil {
		return m.fail("%w", err)
	}
	folder, err := os.MkdirTemp("", "goalgap-")
	if err != nil {
		return m.fail("making a folder for the profile: %w", err)
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "profile")
	if err := client.Profile(file); err != nil {
		return m.fail("%w", err)
	}
	var f *Failure
	if cell {
		f = m.runBody()
	} else {
		text := strings.Repeat("\n", m.line-1) + strings.Repeat(" ", m.col-1+len(m.args)-len(statement)) + statement
		f = m.goPart(part{text: text, line: 1}, m.label, true)
	}
	if f != nil && f.Died {
		return f
	}
	if err := client.Profile(""); err != nil {
		return m.fail("%w", err)
	}
	if f != nil {
		return f
	}
	out, err := m.tools.run(context.Background(), m.tools.goTool, "tool", "pprof", "-top", "-symbolize=none", fmt.Sprintf("-nodecount=%d", lines), file)
	if err != nil {
		return m.fail("reading the profile: %w", err)
	}
	m.print("%s", profileReport(string(out)))
	return nil
}

// profileReport takes the head and what is not the user's out of pprof's report: the machinery that calls the cell, and the
// traces of the rewriting in names.
func profileReport(report string) string {
	_, report, _ = strings.Cut(report, "Duration:")
	report = "Duration:" + report
	if strings.Contains(report, "Total samples = 0 ") {
		return "nothing was seen: it took too short a time\n"
	}
	var b strings.Builder
	for line := range strings.Lines(report) {
		columns := strings.Fields(line)
		switch {
		case len(columns) < 6:
		case strings.HasPrefix(columns[5], "goalgap/kernel/worker.") || strings.HasPrefix(columns[5], "runtime.goexit"):
			continue
		case strings.HasPrefix(columns[5], "nb/"):
			name := cleanFunction(columns[5])
			if name == "" {
				name = "statements of the cell"
			}
			line = line[:strings.Index(line, "nb/")] + strings.Join(append([]string{name}, columns[6:]...), " ") + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}
