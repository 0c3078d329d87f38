// Package tensorboard writes runs that can be watched in TensorBoard: event files with scalars, text and
// hyperparameters. Nothing of TensorFlow is needed to write them.
//
//	w, err := tensorboard.New("runs/cartpole")
//	...
//	defer w.Close()
//	cfg.Callbacks = append(cfg.Callbacks, w.Update)
//
// and, beside it, tensorboard --logdir runs. Each folder is a run. Writer.Update, a ppo.Callback, writes what
// Stable-Baselines3 writes, under the same tags, so that runs of both can be laid over each other.
//
// What the tests hold it against: the bytes of an event file that TensorFlow wrote, for records, checksums and the first
// event; Google's protobuf runtime, for everything else. TensorBoard itself is not among them: how it takes restarts,
// text and hyperparameters is from its source.
package tensorboard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Writer appends to an event file. What a method has written TensorBoard can see. It is not for concurrent use.
type Writer struct {
	file   io.WriteCloser
	path   string
	now    func() time.Time
	buffer []byte
	failed error // the first error of writing, after which the file may end within a record

	updated    bool // whether Update was called
	continuous int  // Spec.Continuous of the training's environments
}

// files counts the files of this process.
var files atomic.Int64

// New begins a new event file in folder dir, which is made if it is not there. Files that are in it already are earlier
// parts of the same run.
func New(dir string) (*Writer, error) { return open(dir, time.Now) }

func open(dir string, now func() time.Time) (*Writer, error) {
	fail := func(err error) (*Writer, error) {
		return nil, fmt.Errorf("tensorboard: beginning an event file in %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fail(err)
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	host = strings.ReplaceAll(host, string(filepath.Separator), "_")
	for {
		// TensorBoard looks for "tfevents" in the name and reads the files of a run in the order of their names.
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", now().Unix(), host, os.Getpid(), files.Add(1)-1)
		path := filepath.Join(dir, name)
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fail(err)
		}
		w := &Writer{file: file, path: path, now: now}
		if err := w.write(fileVersionEvent(now())); err != nil {
			file.Close()
			return nil, err
		}
		return w, nil
	}
}

// Path returns the path of the event file.
func (w *Writer) Path() string { return w.path }

// Close closes the file.
func (w *Writer) Close() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("tensorboard: closing %s: %w", w.path, err)
	}
	return nil
}

// write appends events, all at once. After an error nothing more is written, and each call returns that error.
func (w *Writer) write(events ...message) error {
	if w.failed != nil {
		return w.failed
	}
	w.buffer = w.buffer[:0]
	for _, e := range events {
		w.buffer = appendRecord(w.buffer, e)
	}
	if _, err := w.file.Write(w.buffer); err != nil {
		w.failed = fmt.Errorf("tensorboard: writing %s: %w", w.path, err)
	}
	return w.failed
}

// Scalar writes a point of the curve named tag; a slash in the tag groups curves. The step is usually the count of
// environment steps so far. TensorBoard keeps values as float32. An empty tag is an error.
func (w *Writer) Scalar(tag string, value float64, step int) error {
	if tag == "" {
		return fmt.Errorf("tensorboard: the scalar %v has no tag", value)
	}
	return w.write(summaryEvent(w.now(), step, scalarValue(tag, value)))
}

// Text writes a text, in Markdown, for TensorBoard's tab Text. An empty tag is an error.
func (w *Writer) Text(tag, markdown string, step int) error {
	if tag == "" {
		return fmt.Errorf("tensorboard: the text %.20q has no tag", markdown)
	}
	return w.write(summaryEvent(w.now(), step, textValue(tag, markdown)))
}

// HParams writes the hyperparameters of the run, for TensorBoard's tab HParams, which compares runs by them; a run has
// them once. Values are numbers, bools and strings; others are written as fmt.Sprint shows them.
func (w *Writer) HParams(values map[string]any) error {
	params := make([]hparam, 0, len(values))
	for name, x := range values {
		params = append(params, hparam{name, plain(x)})
	}
	slices.SortFunc(params, func(a, b hparam) int { return strings.Compare(a.name, b.name) })
	now := w.now()
	return w.write(summaryEvent(now, 0, hparamsValue(now, params)))
}
