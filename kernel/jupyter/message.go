// Package jupyter speaks Jupyter's messaging protocol (5.4): it connects a session to notebooks, consoles and every
// other front end.
package jupyter

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// ConnectionInfo is what a front end writes into the connection file that it starts the kernel with.
type ConnectionInfo struct {
	Transport       string `json:"transport"`
	IP              string `json:"ip"`
	ShellPort       int    `json:"shell_port"`
	IOPubPort       int    `json:"iopub_port"`
	StdinPort       int    `json:"stdin_port"`
	ControlPort     int    `json:"control_port"`
	HeartbeatPort   int    `json:"hb_port"`
	SignatureScheme string `json:"signature_scheme"`
	Key             string `json:"key"`
}

// ReadConnectionFile reads and checks a connection file.
func ReadConnectionFile(path string) (ConnectionInfo, error) {
	var c ConnectionInfo
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("reading the connection file: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("reading the connection file %s: %w", path, err)
	}
	if c.Transport != "tcp" && c.Transport != "ipc" {
		return c, fmt.Errorf("connection file %s: transport %q is not supported, only tcp and ipc", path, c.Transport)
	}
	if c.Key != "" && c.SignatureScheme != "" && c.SignatureScheme != "hmac-sha256" {
		return c, fmt.Errorf("connection file %s: signature scheme %q is not supported, only hmac-sha256", path, c.SignatureScheme)
	}
	return c, nil
}

func (c ConnectionInfo) address(port int) string {
	if c.Transport == "ipc" {
		return fmt.Sprintf("ipc://%s-%d", c.IP, port)
	}
	return fmt.Sprintf("tcp://%s:%d", c.IP, port)
}

const protocolVersion = "5.4"

type header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
}

// message is one message of the protocol. The raw parts of a request are kept, because its header is sent back in the
// replies exactly as it came.
type message struct {
	identities [][]byte
	header     header
	rawHeader  json.RawMessage
	content    json.RawMessage
	buffers    [][]byte
	parentID   string
	received   time.Time
}

var delimiter = []byte("<IDS|MSG>")

var errSignature = errors.New("the signature is wrong")

// signer signs and checks messages with the connection's key.
type signer struct{ key []byte }

func (s signer) sign(parts ...[]byte) []byte {
	if len(s.key) == 0 {
		return nil
	}
	m := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		m.Write(p)
	}
	return []byte(hex.EncodeToString(m.Sum(nil)))
}

// decode reads a message from its frames: identities, delimiter, signature, header, parent header, metadata, content.
func (s signer) decode(frames [][]byte) (*message, error) {
	at := -1
	for i, f := range frames {
		if bytes.Equal(f, delimiter) {
			at = i
			break
		}
	}
	if at < 0 || len(frames) < at+6 {
		return nil, fmt.Errorf("a message of %d frames is incomplete", len(frames))
	}
	parts := frames[at+2 : at+6]
	if len(s.key) > 0 && !hmac.Equal(s.sign(parts...), frames[at+1]) {
		return nil, errSignature
	}
	m := &message{identities: frames[:at], rawHeader: parts[0], content: parts[3], buffers: frames[at+6:], received: time.Now()}
	if err := json.Unmarshal(parts[0], &m.header); err != nil {
		return nil, fmt.Errorf("reading a header: %w", err)
	}
	if m.header.Type == "" || m.header.ID == "" {
		return nil, errors.New("a header has no msg_type or no msg_id")
	}
	// Of what is answered, the parent matters only in an input_reply.
	var parent header
	if json.Unmarshal(parts[1], &parent) == nil {
		m.parentID = parent.ID
	}
	if !json.Valid(m.content) {
		return nil, fmt.Errorf("the content of a %s is not JSON", m.header.Type)
	}
	return m, nil
}

// encode makes the frames of a message of the given type, as a consequence of parent (nil if of none). Buffers are binary
// data that stands behind the content.
func (s signer) encode(session string, identities [][]byte, kind string, parent *message, metadata, content any, buffers ...[]byte) ([][]byte, error) {
	h, err := json.Marshal(header{ID: newID(), Session: session, Username: "kernel",
		Date: timestamp(time.Now()), Type: kind, Version: protocolVersion})
	if err != nil {
		return nil, err
	}
	p := []byte("{}")
	if parent != nil {
		p = parent.rawHeader
	}
	if metadata == nil {
		metadata = struct{}{}
	}
	md, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	c, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encoding the content of a %s: %w", kind, err)
	}
	frames := append([][]byte(nil), identities...)
	return append(append(frames, delimiter, s.sign(h, p, md, c), h, p, md, c), buffers...), nil
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func newID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
