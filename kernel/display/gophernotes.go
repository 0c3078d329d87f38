package display

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"os"
	"strings"
)

// The names that notebooks written for gophernotes use, with the same meaning.
const (
	MIMETypeText       = TypeText
	MIMETypeHTML       = TypeHTML
	MIMETypeMarkdown   = TypeMarkdown
	MIMETypeLatex      = TypeLatex
	MIMETypeSVG        = TypeSVG
	MIMETypePNG        = TypePNG
	MIMETypeJPEG       = TypeJPEG
	MIMETypeJSON       = TypeJSON
	MIMETypeJavaScript = TypeScript
	MIMETypePDF        = TypePDF
)

// What a type implements to say itself how it is shown. Only the methods matter, not these names.
type (
	Renderer       = interface{ Render() Data }
	SimpleRenderer = interface{ SimpleRender() MIMEMap }
	HTMLer         = interface{ HTML() string }
	JavaScripter   = interface{ JavaScript() string }
	JPEGer         = interface{ JPEG() []byte }
	JSONer         = interface{ JSON() map[string]any }
	Latexer        = interface{ Latex() string }
	Markdowner     = interface{ Markdown() string }
	PNGer          = interface{ PNG() []byte }
	PDFer          = interface{ PDF() []byte }
	SVGer          = interface{ SVG() string }
)

// JavaScript is a script that the front end runs, where it trusts the notebook.
func JavaScript(s string) Data { return withText(TypeScript, s, "script") }

// PDF is a document in PDF format.
func PDF(b []byte) Data { return withText(TypePDF, b, "PDF document") }

// MIME shows the content of data, which maps MIME types to it, with metadata of the same form.
func MIME(data, metadata MIMEMap) Data { return complete(Data{Data: data, Metadata: metadata}, Data{}) }

// MakeData is content of a MIME type, with its text as fmt.Sprint prints it.
func MakeData(mimeType string, content any) Data {
	return MakeData3(mimeType, sprint(content), content)
}

// MakeData3 is content of a MIME type, with its plain text.
func MakeData3(mimeType, text string, content any) Data {
	return Data{Data: MIMEMap{TypeText: text, mimeType: content}}
}

// Any shows content of any MIME type: a string, []byte, a picture, what an io.Reader or io.WriterTo gives, or any value
// for JSON types. Where mimeType is empty it is found out.
func Any(mimeType string, content any) Data {
	if hasOwnForm(content) && mimeType == "" {
		return Of(content)
	}
	switch c := content.(type) {
	case image.Image:
		return Image(c)
	case io.WriterTo:
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return Text(fmt.Sprintf("%T cannot be read: %v", content, err))
		}
		content = b.Bytes()
	case io.Reader:
		b, err := io.ReadAll(c)
		if err != nil {
			return Text(fmt.Sprintf("%T cannot be read: %v", content, err))
		}
		content = b
	}
	if mimeType == "" {
		b, ok := content.([]byte)
		if !ok {
			return Of(content)
		}
		mimeType = detect(b)
	}
	base, _, _ := strings.Cut(mimeType, ";")
	b, isBytes := content.([]byte)
	switch {
	case base == TypeText && isBytes:
		return Text(string(b))
	case base == TypeText:
		return Text(sprint(content))
	case isBytes && (base == TypePNG || base == TypeJPEG):
		return picture(base, b)
	case isBytes && (strings.HasPrefix(base, "text/") || base == TypeSVG || base == TypeScript):
		content = string(b)
	}
	return withText(base, content, base)
}

// Auto shows content of a MIME type that it finds out: see Any.
func Auto(content any) Data { return Any("", content) }

// File shows the content of a file. Where mimeType is empty it is found out. It panics if the file cannot be read.
func File(mimeType, path string) Data {
	b, err := os.ReadFile(path)
	if err != nil {
		panic(fmt.Errorf("showing a file: %w", err))
	}
	return Any(mimeType, b)
}

// detect returns the MIME type of b, of those that front ends show. (Package net/http knows more, but is large, and the
// package display is linked into cells.)
func detect(b []byte) string {
	for _, known := range []struct{ start, mimeType string }{
		{"\x89PNG\r\n\x1a\n", TypePNG}, {"\xff\xd8\xff", TypeJPEG}, {"GIF8", "image/gif"}, {"%PDF-", TypePDF},
		{"<svg", TypeSVG}, {"<?xml", TypeSVG}, {"<", TypeHTML},
	} {
		if bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte(known.start)) {
			return known.mimeType
		}
	}
	return TypeText
}

// Display shows one value, at once: Show under another name. Cells may call it without the name of the package.
func Display(v any) error { Show(v); return nil }
