package worker

import (
	"encoding/json"

	"goalgap/kernel/display"
)

// CommMessage is the argument of the call "comm": a message of the front end over a comm. The result says whether
// somebody took it.
type CommMessage struct {
	Kind    string          `json:"kind"` // comm_open, comm_msg or comm_close
	ID      string          `json:"id"`
	Target  string          `json:"target,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Buffers [][]byte        `json:"buffers,omitempty"`
}

func init() {
	Handle("comm", func(m CommMessage) (bool, error) {
		return display.ReceiveComm(m.Kind, m.ID, m.Target, display.CommMessage{Data: m.Data, Buffers: m.Buffers}), nil
	})
	Handle("dialect", func(name string) (nothing, error) {
		display.SetWidgetDialect(name)
		return nothing{}, nil
	})
}
