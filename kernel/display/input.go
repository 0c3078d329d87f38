package display

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
)

var (
	askMu sync.Mutex
	ask   = askTerminal
)

// SetAsk directs questions to the user to f. The worker process calls it; programs need not.
func SetAsk(f func(prompt string, password bool) (string, error)) {
	askMu.Lock()
	defer askMu.Unlock()
	ask = f
}

func asker() func(string, bool) (string, error) {
	askMu.Lock()
	defer askMu.Unlock()
	return ask
}

// Input asks the user for a line of text, and returns it without the end of the line. The error says so where the front
// end cannot ask, or where the cell was interrupted.
func Input(prompt string) (string, error) { return asker()(prompt, false) }

// Password is Input with the answer hidden as it is typed. Outside a notebook the terminal shows it.
func Password(prompt string) (string, error) { return asker()(prompt, true) }

// terminal is kept between questions, as a reader may have read ahead.
var terminal = sync.OnceValue(func() *bufio.Reader { return bufio.NewReader(os.Stdin) })

func askTerminal(prompt string, _ bool) (string, error) {
	fmt.Print(prompt)
	line, err := terminal().ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("reading an answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
