package session

// standardPackages maps the names by which cells use the standard library without importing it. Where two packages
// share a name the first that has what the cell uses is taken.
var standardPackages = func() map[string][]string {
	m := map[string][]string{}
	for _, p := range []string{
		"archive/tar", "archive/zip", "bufio", "bytes", "cmp", "compress/gzip", "compress/zlib", "container/heap",
		"container/list", "container/ring", "context", "crypto/aes", "crypto/hmac", "crypto/md5", "crypto/sha1",
		"crypto/sha256", "crypto/sha512", "database/sql", "debug/buildinfo", "embed", "encoding/base64", "encoding/binary",
		"encoding/csv", "encoding/gob", "encoding/hex", "encoding/json", "encoding/xml", "errors", "expvar", "flag", "fmt",
		"go/ast", "go/format", "go/parser", "go/token", "go/types", "hash/crc32", "hash/fnv", "hash/maphash", "html",
		"image", "image/color", "image/draw", "image/gif", "image/jpeg", "image/png", "io", "io/fs", "iter", "log",
		"log/slog", "maps", "math", "math/big", "math/bits", "math/cmplx", "mime", "net", "net/http", "net/http/httptest",
		"net/netip", "net/url", "os", "os/exec", "os/signal", "os/user", "path", "path/filepath", "reflect", "regexp",
		"runtime", "runtime/debug", "runtime/metrics", "runtime/pprof", "runtime/trace", "slices", "sort", "strconv",
		"strings", "sync", "sync/atomic", "syscall", "testing", "testing/fstest", "testing/quick", "text/scanner",
		"text/tabwriter", "text/template", "html/template", "time", "unicode", "unicode/utf16", "unicode/utf8", "unique",
		"unsafe", "weak",
	} {
		name := p
		for i := len(p) - 1; i >= 0; i-- {
			if p[i] == '/' {
				name = p[i+1:]
				break
			}
		}
		m[name] = append(m[name], p)
	}
	m["rand"] = []string{"math/rand/v2", "math/rand", "crypto/rand"}
	return m
}()
