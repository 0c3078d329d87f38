package nn

import "fmt"

// Activation is the function between the layers of a network.
type Activation uint8

const (
	// Tanh is the hyperbolic tangent. The default.
	Tanh Activation = iota
	// ReLU is max(x, 0).
	ReLU
)

// String returns "tanh" or "relu".
func (a Activation) String() string {
	switch a {
	case Tanh:
		return "tanh"
	case ReLU:
		return "relu"
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// MarshalText returns String's name, for JSON; another value is an error.
func (a Activation) MarshalText() ([]byte, error) {
	if a > ReLU {
		return nil, fmt.Errorf("nn: activation %d is neither Tanh nor ReLU", a)
	}
	return []byte(a.String()), nil
}

// UnmarshalText is the inverse of MarshalText; another text is an error.
func (a *Activation) UnmarshalText(text []byte) error {
	for _, b := range []Activation{Tanh, ReLU} {
		if string(text) == b.String() {
			*a = b
			return nil
		}
	}
	return fmt.Errorf("nn: activation %q is neither %q nor %q", text, Tanh, ReLU)
}
