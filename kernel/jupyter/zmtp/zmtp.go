// Package zmtp serves the sockets of a Jupyter kernel: the serving side of ZeroMQ's ROUTER, XPUB and REP sockets, in
// ZeroMQ's wire protocol (ZMTP 3.0, https://rfc.zeromq.org/spec/23/) without encryption.
//
// A kernel must go on whatever a peer does. So every peer has a queue and goroutines of its own: one that connects and
// says nothing, sends nonsense or stops reading disturbs no other. github.com/go-zeromq/zmq4 shakes hands with one peer
// after the other, writes to all of them in turn, panics on some malformed frames and hides subscriptions, which a kernel
// has to answer with a welcome.
package zmtp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is the type of a serving socket.
type Kind string

const (
	Router Kind = "ROUTER" // messages come and go with the identity of the peer as their first frame
	XPub   Kind = "XPUB"   // what is published goes to every peer that subscribed to the beginning of its first frame
	Rep    Kind = "REP"    // answers to requests, with the frames up to the empty one in front
)

// compatible lists the types of peers that each kind talks to.
var compatible = map[Kind][]string{
	Router: {"REQ", "DEALER", "ROUTER"},
	XPub:   {"SUB", "XSUB"},
	Rep:    {"REQ", "DEALER"},
}

const (
	handshakeTime = 10 * time.Second
	maxMessage    = 1 << 30 // bytes that a peer may send in one message
	maxQueue      = 1 << 28 // bytes that may wait for a peer that does not read; what comes on top is dropped
	maxFrames     = 1 << 12
)

// Socket listens for peers.
type Socket struct {
	// Receive is called with every message, one at a time.
	receive func(p *Peer, frames [][]byte)
	// Subscribed is called when a peer of an XPub subscribes.
	subscribed func(p *Peer, topic []byte)

	kind     Kind
	listener net.Listener
	order    sync.Mutex // held by receive

	mu     sync.Mutex
	peers  map[string]*Peer // by identity
	closed bool
	group  sync.WaitGroup
}

// Peer is one connection.
type Peer struct {
	conn     net.Conn
	identity string

	mu     sync.Mutex
	cond   *sync.Cond
	queue  net.Buffers
	size   int
	busy   bool // a write is under way
	closed bool
	topics map[string]int // how often subscribed
}

// Listen serves at a ZeroMQ endpoint, tcp://host:port or ipc://path. Either function may be nil.
func Listen(kind Kind, endpoint string, receive func(p *Peer, frames [][]byte), subscribed func(p *Peer, topic []byte)) (*Socket, error) {
	transport, address, ok := strings.Cut(endpoint, "://")
	if !ok {
		return nil, fmt.Errorf("endpoint %q has no transport", endpoint)
	}
	switch transport {
	case "tcp":
		address = strings.TrimPrefix(address, "*") // ZeroMQ's name for every interface
	case "ipc":
		transport = "unix"
		removeStale(address)
	default:
		return nil, fmt.Errorf("transport %q is not supported, only tcp and ipc", transport)
	}
	l, err := net.Listen(transport, address)
	if err != nil {
		return nil, err
	}
	s := &Socket{kind: kind, listener: l, receive: receive, subscribed: subscribed, peers: map[string]*Peer{}}
	go s.accept()
	return s, nil
}

// removeStale removes the socket file of a process that is gone.
func removeStale(path string) {
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return
	}
	os.Remove(path)
}

func (s *Socket) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(50 * time.Millisecond) // out of file descriptors, say
			continue
		}
		go s.serve(conn)
	}
}

// Close stops listening, sends what waits in the queues for the given time at most, and drops the peers.
func (s *Socket) Close(linger time.Duration) {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	peers := make([]*Peer, 0, len(s.peers))
	for _, p := range s.peers {
		peers = append(peers, p)
	}
	s.mu.Unlock()
	deadline := time.Now().Add(linger)
	for _, p := range peers {
		for !p.idle() && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		p.close()
	}
	s.group.Wait()
}

// Send sends a message of a Router to the peer that its first frame names. One that is gone gets nothing.
func (s *Socket) Send(frames [][]byte) {
	s.mu.Lock()
	p := s.peers[string(frames[0])]
	s.mu.Unlock()
	if p != nil {
		p.Send(frames[1:])
	}
}

// Publish sends a message of an XPub to those who subscribed to it.
func (s *Socket) Publish(frames [][]byte) {
	b := encode(frames)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.wants(frames[0]) {
			p.push(b)
		}
	}
}

// serve talks to one peer until it goes.
func (s *Socket) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 1<<16)
	conn.SetDeadline(time.Now().Add(handshakeTime))
	identity, err := s.handshake(conn, r)
	if err != nil {
		return
	}
	conn.SetDeadline(time.Time{})
	p := &Peer{conn: conn, identity: identity, topics: map[string]int{}}
	p.cond = sync.NewCond(&p.mu)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	// A peer that comes again under its identity has lost the old connection, even if that has not been noticed here.
	if old := s.peers[identity]; old != nil {
		old.close()
	}
	s.peers[identity] = p
	s.group.Add(1)
	s.mu.Unlock()
	defer s.group.Done()
	defer func() {
		p.close()
		s.mu.Lock()
		if s.peers[identity] == p {
			delete(s.peers, identity)
		}
		s.mu.Unlock()
	}()
	go p.write()
	for {
		frames, command, err := readMessage(r)
		if err != nil {
			return
		}
		if command {
			s.command(p, frames[0])
			continue
		}
		s.deliver(p, frames)
	}
}

func (s *Socket) deliver(p *Peer, frames [][]byte) {
	switch s.kind {
	case Router:
		frames = append([][]byte{[]byte(p.identity)}, frames...)
	case XPub:
		if len(frames) == 1 && len(frames[0]) > 0 && frames[0][0] <= 1 {
			s.subscribe(p, frames[0][1:], frames[0][0] == 1)
		}
		return
	}
	if s.receive != nil {
		s.order.Lock()
		defer s.order.Unlock()
		s.receive(p, frames)
	}
}

// command serves what ZMTP 3.1 sends as commands; a peer that heeds the version announced here sends only pings.
func (s *Socket) command(p *Peer, body []byte) {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return
	}
	name, data := string(body[1:1+body[0]]), body[1+body[0]:]
	switch name {
	case "PING":
		if len(data) >= 2 {
			p.push(encodeCommand("PONG", data[2:]))
		}
	case "SUBSCRIBE", "CANCEL":
		if s.kind == XPub {
			s.subscribe(p, data, name == "SUBSCRIBE")
		}
	}
}

func (s *Socket) subscribe(p *Peer, topic []byte, on bool) {
	p.mu.Lock()
	if on {
		p.topics[string(topic)]++
	} else if p.topics[string(topic)]--; p.topics[string(topic)] <= 0 {
		delete(p.topics, string(topic))
	}
	p.mu.Unlock()
	if on && s.subscribed != nil {
		s.subscribed(p, topic)
	}
}

// wants reports whether the peer has subscribed to messages that begin so.
func (p *Peer) wants(first []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.topics {
		if bytes.HasPrefix(first, []byte(t)) {
			return true
		}
	}
	return false
}

// Send puts a message into the peer's queue.
func (p *Peer) Send(frames [][]byte) { p.push(encode(frames)) }

func (p *Peer) push(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.size > maxQueue {
		return
	}
	p.queue = append(p.queue, b)
	p.size += len(b)
	p.cond.Signal()
}

func (p *Peer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || len(p.queue) == 0 && !p.busy
}

func (p *Peer) close() {
	p.mu.Lock()
	p.closed = true
	p.cond.Signal()
	p.mu.Unlock()
	p.conn.Close()
}

func (p *Peer) write() {
	for {
		p.mu.Lock()
		p.busy = false
		for len(p.queue) == 0 && !p.closed {
			p.cond.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		b := p.queue
		p.queue, p.busy = nil, true
		p.mu.Unlock()
		n, err := b.WriteTo(p.conn)
		if err != nil {
			p.close()
			return
		}
		p.mu.Lock()
		p.size -= int(n)
		p.mu.Unlock()
	}
}

// Flags of a frame.
const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4
)

func appendFrame(b []byte, flags byte, body []byte) []byte {
	if len(body) > 255 {
		b = append(b, flags|flagLong)
		b = binary.BigEndian.AppendUint64(b, uint64(len(body)))
	} else {
		b = append(b, flags, byte(len(body)))
	}
	return append(b, body...)
}

func encode(frames [][]byte) []byte {
	size := 0
	for _, f := range frames {
		size += len(f) + 9
	}
	b := make([]byte, 0, size)
	for i, f := range frames {
		flags := byte(flagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = appendFrame(b, flags, f)
	}
	return b
}

func encodeCommand(name string, data []byte) []byte {
	body := append(append([]byte{byte(len(name))}, name...), data...)
	return appendFrame(nil, flagCommand, body)
}

// readMessage reads the frames of a message, or the one of a command.
func readMessage(r *bufio.Reader) (frames [][]byte, command bool, err error) {
	total := uint64(0)
	for {
		flags, err := r.ReadByte()
		if err != nil {
			return nil, false, err
		}
		var size uint64
		if flags&flagLong != 0 {
			var b [8]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return nil, false, err
			}
			size = binary.BigEndian.Uint64(b[:])
		} else {
			b, err := r.ReadByte()
			if err != nil {
				return nil, false, err
			}
			size = uint64(b)
		}
		if total += size; size > maxMessage || total > maxMessage || len(frames) == maxFrames {
			return nil, false, fmt.Errorf("a message of %d bytes or more is too large", total)
		}
		// The buffer grows with what really comes, not with what was announced.
		var body bytes.Buffer
		if _, err := io.CopyN(&body, r, int64(size)); err != nil {
			return nil, false, err
		}
		frames = append(frames, body.Bytes())
		if flags&flagCommand != 0 {
			return frames, true, nil
		}
		if flags&flagMore == 0 {
			return frames, false, nil
		}
	}
}

// greeting announces version 3.0, so that peers send subscriptions as messages, and no security.
var greeting = append(append([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0}, "NULL"...), make([]byte, 48)...)

// handshake returns the identity of the peer, a new one if it has none.
func (s *Socket) handshake(conn net.Conn, r *bufio.Reader) (string, error) {
	if _, err := conn.Write(greeting); err != nil {
		return "", err
	}
	var theirs [64]byte
	if _, err := io.ReadFull(r, theirs[:]); err != nil {
		return "", err
	}
	if theirs[0] != 0xff || theirs[9] != 0x7f || theirs[10] < 3 || !bytes.Equal(theirs[12:32], greeting[12:32]) {
		return "", errors.New("the peer speaks another protocol")
	}
	ready := appendProperty(appendProperty(nil, "Socket-Type", string(s.kind)), "Identity", "")
	if _, err := conn.Write(encodeCommand("READY", ready)); err != nil {
		return "", err
	}
	frames, command, err := readMessage(r)
	if err != nil {
		return "", err
	}
	if !command || !bytes.HasPrefix(frames[0], []byte("\x05READY")) {
		return "", errors.New("the peer did not say that it is ready")
	}
	properties, err := readProperties(frames[0][6:])
	if err != nil {
		return "", err
	}
	if kind := properties["socket-type"]; !slices.Contains(compatible[s.kind], kind) {
		return "", fmt.Errorf("a %s socket does not talk to a %s", s.kind, kind)
	}
	if id := properties["identity"]; id != "" && s.kind == Router {
		return id, nil
	}
	// A leading zero keeps identities that were given here apart from those that peers choose.
	b := make([]byte, 9)
	rand.Read(b[1:])
	return string(b), nil
}

func appendProperty(b []byte, name, value string) []byte {
	b = append(append(b, byte(len(name))), name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

func readProperties(b []byte) (map[string]string, error) {
	list := map[string]string{}
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+4 {
			return nil, errors.New("a property of the peer is cut off")
		}
		name := strings.ToLower(string(b[1 : 1+n]))
		size := binary.BigEndian.Uint32(b[1+n:])
		b = b[1+n+4:]
		if uint64(size) > uint64(len(b)) {
			return nil, errors.New("a property of the peer is cut off")
		}
		list[name] = string(b[:size])
		b = b[size:]
	}
	return list, nil
}
