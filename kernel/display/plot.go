package display

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
)

// Size of a plot in a notebook, in points of 1/72 inch.
const (
	plotWidth  = 6 * 72
	plotHeight = 3.75 * 72
)

var (
	writerToType = reflect.TypeFor[io.WriterTo]()
	errorType    = reflect.TypeFor[error]()
)

// plotWriter returns the method by which a *plot.Plot of gonum.org/v1/plot draws itself, and whether v has it:
//
//	WriterTo(w, h vg.Length, format string) (io.WriterTo, error)
//
// It is looked up by reflection because the worker is not to be linked with a plotting library.
func plotWriter(v any) (reflect.Value, bool) {
	m := reflect.ValueOf(v).MethodByName("WriterTo")
	if !m.IsValid() {
		return m, false
	}
	t := m.Type()
	return m, t.NumIn() == 3 && t.In(0).Kind() == reflect.Float64 && t.In(0) == t.In(1) && t.In(2).Kind() == reflect.String &&
		t.NumOut() == 2 && t.Out(0).Implements(writerToType) && t.Out(1) == errorType
}

// plotted draws a plot.
func plotted(draw reflect.Value, v any) Data {
	length := func(points float64) reflect.Value { return reflect.ValueOf(points).Convert(draw.Type().In(0)) }
	out := draw.Call([]reflect.Value{length(plotWidth), length(plotHeight), reflect.ValueOf("png").Convert(draw.Type().In(2))})
	if err, _ := out[1].Interface().(error); err != nil {
		return Text(fmt.Sprintf("%T cannot be drawn: %v", v, err))
	}
	var b bytes.Buffer
	if _, err := out[0].Interface().(io.WriterTo).WriteTo(&b); err != nil {
		return Text(fmt.Sprintf("%T cannot be drawn: %v", v, err))
	}
	d := PNG(b.Bytes())
	d.Data[TypeText] = fmt.Sprintf("%T", v)
	return d
}
