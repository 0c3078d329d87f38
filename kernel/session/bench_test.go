package session

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkNewCell measures cells that were never compiled before.
func BenchmarkNewCell(b *testing.B) {
	s, _ := openFor(b)
	for name, format := range map[string]string{
		"small":    "v%d := %d",
		"fmt":      "fmt.Println(%d, %d)",
		"plotting": "p%d := plot.New()\np%[1]d.Title.Text = \"%d\"",
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				if f := s.Execute(fmt.Sprintf(format, i, time.Now().UnixNano()), "cell"); f != nil {
					b.Fatal(f)
				}
			}
		})
	}
}
