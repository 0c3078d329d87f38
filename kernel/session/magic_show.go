package session

import (
	"fmt"
	"go/token"
	"strings"

	"goalgap/kernel/worker"
)

func init() {
	for _, form := range []struct{ name, mimeType, what string }{
		{"html", "text/html", "HTML"}, {"markdown", "text/markdown", "Markdown"}, {"svg", "image/svg+xml", "SVG"}, {"latex", "text/latex", "LaTeX"},
	} {
		addMagics(&magic{name: form.name, short: "show the cell as " + form.what, long: "The rest of the cell is shown as " + form.what + ", not executed.",
			cell: func(m *magicCall) *Failure {
				text := m.body
				if form.name == "html" || form.name == "svg" {
					text = form.what
				}
				m.show(form.mimeType, m.body, text)
				return nil
			}})
	}
	addMagics(&magic{name: "capture", usage: "[NAME]", short: "run the cell without showing its output",
		long: "With NAME, what the cell prints is kept in a variable of that name, a string.",
		cell: func(m *magicCall) *Failure {
			if m.args != "" && !token.IsIdentifier(m.args) {
				return m.usage()
			}
			var b strings.Builder
			f := m.capturing(func(e worker.Event) bool {
				if e.Kind == "stdout" || e.Kind == "stderr" {
					b.WriteString(e.Text)
				}
				return true
			}, m.runBody)
			if f != nil || m.args == "" {
				return f
			}
			return m.runGo(fmt.Sprintf("%s := %q", m.args, b.String()), m.label)
		}})
}
