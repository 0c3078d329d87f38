package display

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Table is a table with a header row. Cells are shown by fmt.Sprint.
type Table struct {
	Caption string
	Header  []string
	Rows    [][]any
}

// NewTable returns an empty table with these column names.
func NewTable(header ...string) *Table { return &Table{Header: header} }

// Add appends a row. Missing cells are left empty.
func (t *Table) Add(cells ...any) *Table {
	t.Rows = append(t.Rows, cells)
	return t
}

func (t *Table) cell(row []any, j int) string {
	if j < len(row) {
		return fmt.Sprint(row[j])
	}
	return ""
}

// HTML is the table as an HTML fragment.
func (t *Table) HTML() string {
	var b strings.Builder
	b.WriteString("<table>")
	if t.Caption != "" {
		fmt.Fprintf(&b, "<caption>%s</caption>", html.EscapeString(t.Caption))
	}
	b.WriteString("<thead><tr>")
	for _, h := range t.Header {
		fmt.Fprintf(&b, "<th>%s</th>", html.EscapeString(h))
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for j := range t.Header {
			fmt.Fprintf(&b, "<td>%s</td>", html.EscapeString(t.cell(row, j)))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// Markdown is the table in GitHub's notation.
func (t *Table) Markdown() string {
	var b strings.Builder
	escape := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	line := func(cell func(j int) string) {
		for j := range t.Header {
			fmt.Fprintf(&b, "| %s ", cell(j))
		}
		b.WriteString("|\n")
	}
	line(func(j int) string { return escape(t.Header[j]) })
	line(func(int) string { return "---" })
	for _, row := range t.Rows {
		line(func(j int) string { return escape(t.cell(row, j)) })
	}
	return b.String()
}

// Text is the table in aligned columns.
func (t *Table) Text() string {
	width := make([]int, len(t.Header))
	for j, h := range t.Header {
		width[j] = utf8.RuneCountInString(h)
		for _, row := range t.Rows {
			width[j] = max(width[j], utf8.RuneCountInString(t.cell(row, j)))
		}
	}
	var b strings.Builder
	if t.Caption != "" {
		b.WriteString(t.Caption + "\n")
	}
	line := func(cell func(j int) string) {
		var l strings.Builder
		for j := range t.Header {
			c := cell(j)
			l.WriteString(c + strings.Repeat(" ", width[j]-utf8.RuneCountInString(c)+2))
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(func(j int) string { return t.Header[j] })
	line(func(j int) string { return strings.Repeat("─", width[j]) })
	for _, row := range t.Rows {
		line(func(j int) string { return t.cell(row, j) })
	}
	return strings.TrimRight(b.String(), "\n")
}

// Verdict is a notebook's conclusion: what was claimed, what came out, and the numbers that decide it.
type Verdict struct {
	Claim   string // the sentence under test
	Outcome string // "supported", "contradicted" or "undecided at this sample size"
	Because string // the number that decides it, in words
	Table   *Table // the evidence; may be nil
}

// Render shows the verdict as text and HTML, and as data for tools that collect verdicts from notebooks.
func (v Verdict) Render() Data {
	var h, text strings.Builder
	fmt.Fprintf(&h, "<div><p><em>%s</em></p><p><strong>%s</strong>: %s</p>", html.EscapeString(v.Claim),
		html.EscapeString(v.Outcome), html.EscapeString(v.Because))
	fmt.Fprintf(&text, "%s\n%s: %s", v.Claim, v.Outcome, v.Because)
	state := map[string]any{"claim": v.Claim, "outcome": v.Outcome, "because": v.Because}
	if v.Table != nil {
		h.WriteString(v.Table.HTML())
		text.WriteString("\n\n" + v.Table.Text())
		state["table"] = v.Table.Text()
	}
	h.WriteString("</div>")
	return Data{Data: MIMEMap{TypeText: text.String(), TypeHTML: h.String(), TypeVerdict: state}}
}
