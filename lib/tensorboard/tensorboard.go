// Package tensorboard writes scalars to event files, which TensorBoard draws while a training runs:
//
//	log, err := tensorboard.Create("runs/seed1")
//	cfg.Callback = log.Log
//	result, err := ppo.Train(ctx, makeEnv, levels, cfg)
//	err = log.Close()
//
// and `tensorboard --logdir runs` in a shell.
//
// Sources of the format: TensorFlow's documentation of TFRecord files, and its event.proto and summary.proto, of which
// these are the parts that a scalar needs.
package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"goalgap/lib/ppo"
)

// Writer writes an event file. It is for one goroutine at a time.
type Writer struct {
	path string
	file *os.File
	out  *bufio.Writer
	now  func() time.Time
	err  error // the first
}

// files makes the names of a process's files different.
var files atomic.Int64

// Create makes a folder, if it is not there, and in it a new event file. TensorBoard takes a folder for a run, named
// like the folder.
func Create(dir string) (*Writer, error) {
	return create(dir, time.Now)
}

func create(dir string, now func() time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("tensorboard: making a folder for events: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	// TensorBoard reads what has "tfevents" in its name, in the order of the names.
	name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", now().Unix(), host, os.Getpid(), files.Add(1))
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: making a file for events: %w", err)
	}
	w := &Writer{path: path, file: file, out: bufio.NewWriter(file), now: now}
	w.write(event(w.now(), 0, fieldFileVersion, []byte("brain.Event:2")))
	return w, w.Flush()
}

// Path is that of the event file.
func (w *Writer) Path() string { return w.path }

// Scalar writes a value under a tag, whose part up to the first slash is the group that TensorBoard shows it in, at a
// step, 0 or more. An empty tag and a negative step are errors, and what went wrong in writing; a value may be NaN or
// infinite. It reaches the file with the next Flush or Log, or when a buffer of some kilobytes is full.
func (w *Writer) Scalar(tag string, step int, value float64) error {
	switch {
	case tag == "":
		return errors.New("tensorboard: a scalar without a tag")
	case step < 0:
		return fmt.Errorf("tensorboard: scalar %q: step %d is negative", tag, step)
	}
	var number [4]byte
	binary.LittleEndian.PutUint32(number[:], math.Float32bits(float32(value)))
	v := appendBytes(nil, fieldTag, []byte(tag))
	v = append(appendKey(v, fieldSimpleValue, wireFixed32), number[:]...)
	w.write(event(w.now(), step, fieldSummary, appendBytes(nil, fieldValue, v)))
	return w.err
}

// Log writes what is known after an update of training, under the tags of Stable-Baselines3: it is a
// [ppo.Config].Callback. Steps are environment steps. What is not known yet (NaN) is left out. Losses have the signs that
// SB3 minimises: train/entropy_loss is minus the entropy. Its rollout/ep_rew_mean is the environment's own reward; the
// reward trained on is rollout/ep_train_rew_mean. An evaluation's results are in eval/NAME.
func (w *Writer) Log(p ppo.Progress) error {
	x := p.Point
	for _, s := range []struct {
		tag   string
		value float64
	}{
		{"rollout/ep_rew_mean", x.TrueReturn}, {"rollout/ep_train_rew_mean", x.TrainReturn}, {"rollout/ep_len_mean", x.Length},
		{"train/policy_gradient_loss", x.PolicyLoss}, {"train/value_loss", x.ValueLoss}, {"train/entropy_loss", -x.Entropy},
		{"train/approx_kl", x.ApproxKL}, {"train/clip_fraction", x.ClipFraction}, {"train/explained_variance", x.ExplainedVariance},
		{"train/grad_norm", x.GradNorm}, {"train/learning_rate", x.LearningRate}, {"time/fps", p.StepsPerSecond},
	} {
		if !math.IsNaN(s.value) {
			w.scalar(s.tag, p.Steps, s.value)
		}
	}
	for _, e := range p.Evaluated {
		w.scalar("eval/"+e.Name+"/mean_reward", e.Steps, e.Return)
		w.scalar("eval/"+e.Name+"/mean_ep_length", e.Steps, e.Length)
	}
	return w.Flush()
}

// scalar is Scalar, which remembers its errors.
func (w *Writer) scalar(tag string, step int, value float64) {
	if err := w.Scalar(tag, step, value); w.err == nil {
		w.err = err
	}
}

// Flush brings everything to the file.
func (w *Writer) Flush() error {
	if err := w.out.Flush(); err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: writing events: %w", err)
	}
	return w.err
}

// Close flushes and closes the file. The error is the first of all.
func (w *Writer) Close() error {
	w.Flush()
	if err := w.file.Close(); err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: closing the file of events: %w", err)
	}
	return w.err
}

// The fields of the messages, and how protocol buffers mark their types.
const (
	fieldWallTime    = 1 // of Event: double
	fieldStep        = 2 // of Event: int64
	fieldFileVersion = 3 // of Event: string
	fieldSummary     = 5 // of Event: Summary
	fieldValue       = 1 // of Summary: Value, repeated
	fieldTag         = 1 // of Value: string
	fieldSimpleValue = 2 // of Value: float

	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// event returns an Event with one more field. A step of 0 is the default of its field, and not written.
func event(at time.Time, step, field int, content []byte) []byte {
	b := appendKey(nil, fieldWallTime, wireFixed64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(at.UnixNano())/1e9))
	if step != 0 {
		b = binary.AppendUvarint(appendKey(b, fieldStep, wireVarint), uint64(step))
	}
	return appendBytes(b, field, content)
}

func appendKey(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

func appendBytes(b []byte, field int, content []byte) []byte {
	b = binary.AppendUvarint(appendKey(b, field, wireBytes), uint64(len(content)))
	return append(b, content...)
}

// write writes a record: its length, the length's checksum, the data and their checksum.
func (w *Writer) write(data []byte) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	b = binary.LittleEndian.AppendUint32(b, masked(data))
	if _, err := w.out.Write(b); err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: writing events: %w", err)
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of TFRecord files, a rotated CRC-32C.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
