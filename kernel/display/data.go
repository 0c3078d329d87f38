// Package display is what code in a cell calls to show something: pictures, HTML, tables, charts that grow while a
// computation runs, progress bars.
//
// A value shows itself when it is the last expression of a cell, or when it is passed to Show. What it looks like is
// decided by its methods (HTML() string, PNG() []byte, SVG() string, Markdown() string, Latex() string, JPEG() []byte,
// JSON() any, JavaScript() string, PDF() []byte, Text() string; or Render() Data, SimpleRender() MIMEMap for several forms
// at once), the same names as in gophernotes, whose functions are all here too; methods with a pointer receiver count
// for values as well. A value without any is shown as fmt.Sprint prints it, except for functions (their type), matrices
// and what is very long.
//
// Outside a notebook the package writes the plain text of what is shown to standard output, so a program that uses it
// runs anywhere.
package display

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
)

// MIME types of the forms in which a value can be shown.
const (
	TypeText     = "text/plain"
	TypeHTML     = "text/html"
	TypeMarkdown = "text/markdown"
	TypeLatex    = "text/latex"
	TypeSVG      = "image/svg+xml"
	TypePNG      = "image/png"
	TypeJPEG     = "image/jpeg"
	TypeJSON     = "application/json"
	TypeScript   = "application/javascript"
	TypePDF      = "application/pdf"

	// TypeProgress carries how far a computation is, for front ends that have no HTML (Progress).
	TypeProgress = "application/vnd.goalgap.progress+json"
	// TypeVerdict carries a notebook's conclusion, for tools that collect them (Verdict).
	TypeVerdict = "application/vnd.goalgap.verdict+json"
)

// MIMEMap maps a MIME type to content: a string for text, []byte for pictures, any JSON value for JSON types.
type MIMEMap = map[string]any

// Data is something to show, in one or more forms; the front end picks the richest that it can draw.
type Data struct {
	Data      MIMEMap
	Metadata  MIMEMap
	Transient MIMEMap // "display_id" makes the output updatable
}

// Render returns d itself: Data is a Renderer.
func (d Data) Render() Data { return d }

// Text is a plain-text output.
func Text(s string) Data { return Data{Data: MIMEMap{TypeText: s}} }

// HTML is an HTML fragment. Scripts in it run only where the front end trusts the notebook.
func HTML(s string) Data { return withText(TypeHTML, s, "HTML") }

// Markdown is Markdown text, with $…$ for formulas where the front end draws them.
func Markdown(s string) Data { return withText(TypeMarkdown, s, s) }

// Latex is text in LaTeX. One without any dollar sign and without an environment is a formula in a line of text.
func Latex(s string) Data {
	if !strings.Contains(s, "$") && !strings.Contains(s, `\begin`) && !strings.HasPrefix(s, `\[`) {
		return withText(TypeLatex, "$"+s+"$", s)
	}
	return withText(TypeLatex, s, s)
}

// Math is a formula in LaTeX, without dollar signs.
func Math(s string) Data { return Latex("$$" + strings.Trim(s, "$") + "$$") }

// SVG is a vector picture.
func SVG(s string) Data { return withText(TypeSVG, s, "SVG picture") }

// PNG is a picture in PNG format.
func PNG(b []byte) Data { return picture(TypePNG, b) }

// JPEG is a picture in JPEG format.
func JPEG(b []byte) Data { return picture(TypeJPEG, b) }

// JSON shows a value as a JSON tree.
func JSON(v any) Data { return withText(TypeJSON, v, fmt.Sprint(v)) }

// Image encodes a picture as PNG.
func Image(img image.Image) Data {
	if b := img.Bounds(); float64(b.Dx())*float64(b.Dy()) > maxPixels { // image.Uniform has no end
		return Text(fmt.Sprintf("%T of %d × %d pixels, too large to show", img, b.Dx(), b.Dy()))
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return Text(fmt.Sprintf("picture %v cannot be encoded: %v", img.Bounds(), err))
	}
	return PNG(b.Bytes())
}

// maxPixels limits the size of a picture that is shown.
const maxPixels = 100e6

func withText(mimeType string, content any, text string) Data {
	return Data{Data: MIMEMap{mimeType: content, TypeText: text}}
}

func picture(mimeType string, b []byte) Data {
	text := strings.ToUpper(strings.TrimPrefix(mimeType, "image/")) + " picture"
	d := withText(mimeType, b, text)
	if c, _, err := image.DecodeConfig(bytes.NewReader(b)); err == nil {
		d.Data[TypeText] = fmt.Sprintf("%s, %d × %d", text, c.Width, c.Height)
		d.Metadata = MIMEMap{mimeType: map[string]any{"width": c.Width, "height": c.Height}}
	}
	return d
}

// Of returns the forms in which v can be shown. It never fails: a method that panics is reported in the text.
func Of(v any) (d Data) {
	defer func() {
		if p := recover(); p != nil {
			d = Text(fmt.Sprintf("%T cannot be shown: its method panicked: %v", v, p))
		}
	}()
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return Text("<nil>")
	}
	if v == nil {
		return Text("<nil>")
	}
	shown := v
	if hasOwnForm(v) {
	} else if p := addressed(v); p != nil && hasOwnForm(p) {
		shown = p
	}
	switch v := shown.(type) {
	case Renderer:
		return complete(v.Render(), v)
	case interface{ SimpleRender() Data }:
		return complete(v.SimpleRender(), v)
	case SimpleRenderer:
		return complete(Data{Data: v.SimpleRender()}, v)
	case image.Rectangle: // has the methods of a picture
		return Text(v.String())
	case image.Image:
		return Image(v)
	}
	if draw, ok := plotWriter(v); ok && !hasOwnForm(v) {
		return plotted(draw, v)
	}
	d = Data{Data: MIMEMap{}}
	if m, ok := shown.(HTMLer); ok {
		d.Data[TypeHTML] = m.HTML()
	}
	if m, ok := shown.(Markdowner); ok {
		d.Data[TypeMarkdown] = m.Markdown()
	}
	if m, ok := shown.(Latexer); ok {
		d.Data[TypeLatex] = m.Latex()
	}
	if m, ok := shown.(SVGer); ok {
		d.Data[TypeSVG] = m.SVG()
	}
	if m, ok := shown.(PNGer); ok {
		if b := m.PNG(); len(b) > 0 { // else there is no picture
			p := PNG(b)
			d.Data[TypePNG], d.Metadata = p.Data[TypePNG], p.Metadata
		}
	}
	if m, ok := shown.(JPEGer); ok {
		if b := m.JPEG(); len(b) > 0 {
			d.Data[TypeJPEG] = b
		}
	}
	if m, ok := shown.(PDFer); ok {
		if b := m.PDF(); len(b) > 0 {
			d.Data[TypePDF] = b
		}
	}
	if m, ok := shown.(JavaScripter); ok {
		d.Data[TypeScript] = m.JavaScript()
	}
	switch m := shown.(type) {
	case interface{ JSON() any }:
		d.Data[TypeJSON] = m.JSON()
	case JSONer:
		d.Data[TypeJSON] = m.JSON()
	}
	if m, ok := shown.(interface{ Text() string }); ok {
		d.Data[TypeText] = m.Text()
	}
	return complete(d, v)
}

// complete gives d a plain-text form if it has none: every output needs one.
func complete(d Data, v any) Data {
	if _, ok := d.Data[TypeText]; ok {
		return d
	}
	if d.Data == nil {
		d.Data = MIMEMap{}
	}
	if _, isData := v.(Data); isData || len(d.Data) > 0 {
		if s, ok := v.(fmt.Stringer); ok {
			d.Data[TypeText] = s.String()
		} else {
			d.Data[TypeText] = fmt.Sprintf("%T", v)
		}
		return d
	}
	d.Data[TypeText] = sprint(v)
	return d
}

// Values returns the forms of several values shown together, as by the last expression of a cell: a single value as Of
// shows it, also beside nothing but nil if it has a form of its own; more of them as text beside each other.
func Values(values ...any) Data {
	if len(values) == 1 {
		return Of(values[0])
	}
	if rich, ok := onlyValue(values); ok && hasOwnForm(rich) { // a picture and a nil error
		return Of(rich)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(Of(v).Data[TypeText])
	}
	return Text(strings.Join(texts, " "))
}

// onlyValue returns the only one of the values that is not nil.
func onlyValue(values []any) (only any, ok bool) {
	for _, v := range values {
		if v != nil {
			if ok {
				return nil, false
			}
			only, ok = v, true
		}
	}
	return only, ok
}

// Message is what reaches the front end.
type Message struct {
	Kind string // "display", "update", "clear" or "result"; of a Comm "comm_open", "comm_msg" or "comm_close"
	Data Data
	Wait bool // clear: only when the next output comes
}

var (
	sinkMu sync.Mutex
	sink   func(Message) = func(m Message) { writeText(os.Stdout, m) }
)

// SetSink directs what is shown to f. The worker process calls it; programs need not.
func SetSink(f func(Message)) {
	sinkMu.Lock()
	defer sinkMu.Unlock()
	sink = f
}

// Send passes a message to the front end. Show, Live and the others are made of it.
func Send(m Message) {
	sinkMu.Lock()
	f := sink
	sinkMu.Unlock()
	f(m)
}

func writeText(w io.Writer, m Message) {
	if m.Kind == "clear" || strings.HasPrefix(m.Kind, "comm_") || m.Data.Data[TypeProgress] != nil {
		return
	}
	if t := m.Data.Data[TypeText]; t != nil {
		fmt.Fprintln(w, t)
	}
}

// Show shows values one below the other, at once.
func Show(values ...any) {
	for _, v := range values {
		Send(Message{Kind: "display", Data: Of(v)})
	}
}

// Clear removes what the cell has shown so far; with wait, only when the next output comes, which avoids flicker.
func Clear(wait bool) { Send(Message{Kind: "clear", Wait: wait}) }
