package notebook

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"mime"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
)

//go:embed report.html
var reportTemplate string

//go:embed report.css
var reportStyle string

var report = template.Must(template.New("report").Parse(reportTemplate))

// Render makes a self-contained HTML page of an executed notebook: pictures are inside it, it has no script of its own
// and refers to nothing outside. Links remain links. made is the date that the page carries.
func Render(nb *Notebook, made time.Time) ([]byte, error) {
	r := &renderer{dir: filepath.Dir(nb.Path)}
	type cellView struct {
		Kind, Label string
		Tags        []string
		Source      template.HTML
		Outputs     []template.HTML
	}
	var cells []cellView
	for i, c := range nb.Cells {
		v := cellView{Kind: c.Kind, Tags: c.Tags()}
		switch c.Kind {
		case "markdown":
			h, err := r.markdown(c)
			if err != nil {
				return nil, fmt.Errorf("rendering cell %d: %w", i+1, err)
			}
			v.Source = h
		case "code":
			if c.Count > 0 {
				v.Label = fmt.Sprintf("[%d]", c.Count)
			}
			h, err := highlight(c.Source)
			if err != nil {
				return nil, fmt.Errorf("rendering cell %d: %w", i+1, err)
			}
			v.Source = h
			for _, o := range c.Outputs {
				h, err := r.output(o)
				if err != nil {
					return nil, fmt.Errorf("rendering an output of cell %d: %w", i+1, err)
				}
				v.Outputs = append(v.Outputs, h)
			}
		default:
			continue
		}
		cells = append(cells, v)
	}
	var css bytes.Buffer
	css.WriteString(reportStyle)
	if err := formatter.WriteCSS(&css, styles.Get("github")); err != nil {
		return nil, fmt.Errorf("writing the style of code: %w", err)
	}
	var b bytes.Buffer
	err := report.Execute(&b, map[string]any{
		"Title": nb.Title(), "Name": filepath.Base(nb.Path), "Made": made.Format("2 January 2006, 15:04"),
		"Style": template.CSS(css.String()), "Cells": cells,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return b.Bytes(), nil
}

type renderer struct{ dir string }

var converter = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(goldmarkhtml.WithUnsafe()),
)

func (r *renderer) markdown(c *Cell) (template.HTML, error) {
	var b bytes.Buffer
	if err := converter.Convert([]byte(c.Source), &b); err != nil {
		return "", err
	}
	attachments, _ := c.raw["attachments"].(map[string]any)
	return template.HTML(r.contain(b.String(), attachments)), nil
}

var (
	sourceAttribute = regexp.MustCompile(`(?i)<img\b[^>]*?\bsrc\s*=\s*("[^"]*"|'[^']*')[^>]*>`)
	externalTags    = regexp.MustCompile(`(?is)<(?:script|iframe|link|object|embed|video|audio|source)\b[^>]*(?:src|href|data)\s*=\s*["']?(?:https?:)?//[^>]*>(?:.*?</(?:script|iframe|object|video|audio)>)?`)
	cssImport       = regexp.MustCompile(`(?i)@import[^;]*;|url\(\s*["']?(?:https?:)?//[^)]*\)`)
)

// contain puts the pictures that an HTML fragment refers to inside it, and replaces what would be fetched from
// elsewhere by a link.
func (r *renderer) contain(h string, attachments map[string]any) string {
	h = sourceAttribute.ReplaceAllStringFunc(h, func(tag string) string {
		m := sourceAttribute.FindStringSubmatch(tag)
		src := html.UnescapeString(strings.Trim(m[1], `"'`))
		data, ok := r.embed(src, attachments)
		if !ok {
			return fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(src), html.EscapeString(src))
		}
		return strings.Replace(tag, m[1], `"`+data+`"`, 1)
	})
	h = externalTags.ReplaceAllString(h, "<!-- an external reference was left out -->")
	return cssImport.ReplaceAllString(h, "")
}

func (r *renderer) embed(src string, attachments map[string]any) (string, bool) {
	if strings.HasPrefix(src, "data:") {
		return src, true
	}
	if name, ok := strings.CutPrefix(src, "attachment:"); ok {
		bundle, _ := attachments[name].(map[string]any)
		for t, v := range bundle {
			if s, err := multiline(v); err == nil {
				return "data:" + t + ";base64," + strings.ReplaceAll(s, "\n", ""), true
			}
		}
		return "", false
	}
	if strings.Contains(src, "//") {
		return "", false
	}
	b, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(src)))
	if err != nil {
		return "", false
	}
	t := mime.TypeByExtension(filepath.Ext(src))
	if t == "" {
		t = "application/octet-stream"
	}
	return "data:" + t + ";base64," + base64.StdEncoding.EncodeToString(b), true
}

var formatter = chromahtml.New(chromahtml.WithClasses(true))

func highlight(source string) (template.HTML, error) {
	it, err := chroma.Coalesce(lexers.Get("go")).Tokenise(nil, source)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := formatter.Format(&b, styles.Get("github"), it); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// output shows the richest form of an output that a page without scripts can show.
func (r *renderer) output(o Output) (template.HTML, error) {
	switch o.Kind {
	case "stream":
		return template.HTML(fmt.Sprintf(`<pre class="%s">%s</pre>`, html.EscapeString(o.Stream), ansi(o.Text))), nil
	case "error":
		return template.HTML(`<pre class="error">` + ansi(strings.Join(o.Traceback, "\n")) + `</pre>`), nil
	}
	text := func(t string) (string, bool) {
		s, ok := o.Data[t].(string)
		return s, ok
	}
	if s, ok := text("text/html"); ok {
		return template.HTML(`<div class="html">` + r.contain(s, nil) + `</div>`), nil
	}
	if s, ok := text("image/svg+xml"); ok {
		return template.HTML(`<img alt="" src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(s)) + `">`), nil
	}
	for _, t := range []string{"image/png", "image/jpeg", "image/gif"} {
		if s, ok := text(t); ok {
			size := ""
			if md, ok := o.Metadata[t].(map[string]any); ok && md["width"] != nil {
				size = fmt.Sprintf(` width="%v"`, html.EscapeString(fmt.Sprint(md["width"])))
			}
			return template.HTML(fmt.Sprintf(`<img alt=""%s src="data:%s;base64,%s">`, size, t, strings.Join(strings.Fields(s), ""))), nil
		}
	}
	if s, ok := text("text/markdown"); ok {
		var b bytes.Buffer
		if err := converter.Convert([]byte(s), &b); err != nil {
			return "", err
		}
		return template.HTML(r.contain(b.String(), nil)), nil
	}
	if s, ok := text("text/latex"); ok {
		return template.HTML("<pre>" + html.EscapeString(s) + "</pre>"), nil
	}
	s, _ := text("text/plain")
	return template.HTML("<pre>" + ansi(s) + "</pre>"), nil
}

var escapeSequence = regexp.MustCompile(`\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]`)

// ansi turns terminal colours into spans and removes other control sequences.
func ansi(s string) string {
	var b strings.Builder
	open := false
	for {
		m := escapeSequence.FindStringSubmatchIndex(s)
		if m == nil {
			b.WriteString(html.EscapeString(s))
			break
		}
		b.WriteString(html.EscapeString(s[:m[0]]))
		code := ""
		if m[2] >= 0 {
			code = s[m[2]:m[3]]
		}
		if open {
			b.WriteString("</span>")
			open = false
		}
		switch code {
		case "31", "1;31", "0;31":
			b.WriteString(`<span class="red">`)
			open = true
		case "2":
			b.WriteString(`<span class="dim">`)
			open = true
		}
		s = s[m[1]:]
	}
	if open {
		b.WriteString("</span>")
	}
	return b.String()
}
