package coinrun

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"goalgap/lib/env"
)

// The recordings are of the original programs. testdata holds a part of them; the environment variable GOALGAP_GOLDEN
// names a folder whose folder "coinrun" holds others, recorded and named in the same way, which are then replayed
// instead.
func goldenDir() string {
	if dir := os.Getenv("GOALGAP_GOLDEN"); dir != "" {
		return filepath.Join(dir, "coinrun")
	}
	return "testdata"
}

var goldenName = regexp.MustCompile(`^(levels|trajectories|pictures)-(.*)\.jsonl\.gz$`)

// goldenFile is one recording; its configuration comes from its name.
type goldenFile struct {
	path, kind, tag string
	cfg             Config
}

func goldenFiles(t *testing.T, kind string) []goldenFile {
	t.Helper()
	entries, err := os.ReadDir(goldenDir())
	if err != nil {
		t.Fatal(err)
	}
	var files []goldenFile
	for _, entry := range entries {
		m := goldenName.FindStringSubmatch(entry.Name())
		if m == nil || m[1] != kind {
			continue
		}
		f := goldenFile{path: filepath.Join(goldenDir(), entry.Name()), kind: m[1], tag: m[2]}
		f.cfg, err = goldenConfig(m[2])
		if err != nil {
			t.Fatalf("%s: %v", entry.Name(), err)
		}
		files = append(files, f)
	}
	return files
}

// goldenConfig reads a tag such as "hard", "random10-easy" or "long-hard".
func goldenConfig(tag string) (Config, error) {
	var cfg Config
	for _, word := range strings.Split(tag, "-") {
		name := strings.TrimRight(word, "0123456789")
		percent, _ := strconv.Atoi(word[len(name):])
		switch name {
		case "hard":
			cfg.Mode = Hard
		case "easy":
			cfg.Mode = Easy
		case "long":
		case "random":
			cfg.Variant, cfg.RandomPercent = RandomCoin, percent
		case "aisc":
			cfg.Variant = AlwaysRandomCoin
		case "modwall":
			cfg.Variant, cfg.RandomPercent = ModWall, percent
		case "continue":
			cfg.Variant, cfg.RandomPercent, cfg.ContinueAfterCoin = RandomCoin, percent, true
		default:
			return cfg, fmt.Errorf("unknown tag %q", word)
		}
	}
	return cfg, cfg.Validate()
}

// readGolden calls f for each line of a recording and returns the number of lines.
func readGolden[T any](t *testing.T, path string, f func(line T)) int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<26)
	n := 0
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s, line %d: %v", path, n+1, err)
		}
		f(v)
		n++
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}

func hex(v float32) string { return fmt.Sprintf("%08x", math.Float32bits(v)) }

func TestGoldenIsThere(t *testing.T) {
	n := 0
	for _, kind := range []string{"levels", "trajectories", "pictures"} {
		n += len(goldenFiles(t, kind))
	}
	if _, err := os.Stat(filepath.Join(goldenDir(), "level-seeds.json")); err == nil {
		n++
	}
	if n == 0 {
		t.Fatalf("no recordings in %s", goldenDir())
	}
}

type goldenLevel struct {
	Seed       int64
	Draws      int
	Background int
	BgPctX     string `json:"bg_pct_x"`
	AgentTheme int    `json:"agent_theme"`
	WallTheme  int    `json:"wall_theme"`
	RandomGoal int    `json:"random_goal"`
	Agent      []string
	Ents       [][]any
	Grid       []string
}

func TestGoldenLevels(t *testing.T) {
	letter := map[Cell]byte{
		Space: '.', WallInner: '#', WallTop: '=', LavaInner: 'L', LavaTop: '~', Barrier: 'B', Coin: 'G', Marker: 'I',
		FakeWall: 'M',
	}
	for _, file := range goldenFiles(t, "levels") {
		t.Run(file.tag, func(t *testing.T) {
			e, err := New(file.cfg)
			if err != nil {
				t.Fatal(err)
			}
			matched := 0
			n := readGolden(t, file.path, func(want goldenLevel) {
				e.Reset(want.Seed)
				l := e.level
				got := goldenLevel{
					Seed: want.Seed, Draws: l.Draws, Background: l.Background, BgPctX: hex(l.BackgroundX),
					AgentTheme: l.AgentTheme, WallTheme: l.WallTheme,
					Agent: []string{hex(e.x), hex(e.y), hex(e.vx), hex(e.vy), hex(rx), hex(ry)},
				}
				if l.RandomGoal && l.Variant != Original {
					got.RandomGoal = 1
				}
				for _, s := range e.AppendEntities(nil) {
					got.Ents = append(got.Ents, []any{float64(s.Kind), float64(s.X), float64(s.Y), hex(s.VX), float64(s.Theme)})
				}
				for y := range Size {
					row := make([]byte, Size)
					for x := range row {
						row[x] = letter[l.At(x, y)]
					}
					got.Grid = append(got.Grid, string(row))
				}
				if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
					t.Errorf("seed %d:\n got %s\nwant %s", want.Seed, g, w)
					return
				}
				matched++
			})
			t.Logf("%d of %d levels match", matched, n)
		})
	}
}

type goldenEpisode struct {
	Seed          int64
	N             int
	End           string
	Reward        float32
	Done          int
	Complete      int
	Rewards       map[string]float32
	Completes     []int
	Actions       string
	Steps         []string
	LastRand      int     `json:"last_rand"`
	FinalEnts     [][]any `json:"final_ents"`
	RandomGoal    *int    `json:"random_goal"`
	InvisibleCoin *int    `json:"invisible_coin"`
	CrateSteps    *int    `json:"crate_steps"`
}

// goldenState is a step as the recordings write it.
func goldenState(e *Env) string {
	var b strings.Builder
	flags := 0
	a := e.Agent()
	if a.HasSupport {
		flags |= 1
	}
	if a.OnCrate {
		flags |= 2
	}
	if a.FacingRight {
		flags |= 4
	}
	if e.Outcome().MarkerStep != 0 {
		flags |= 8
	}
	fmt.Fprintf(&b, "%s %s %s %s %x", hex(a.X), hex(a.Y), hex(a.VX), hex(a.VY), flags)
	for _, s := range e.AppendEntities(nil) {
		if s.Kind == Enemy {
			b.WriteString(" " + hex(s.X))
		}
	}
	return b.String()
}

func TestGoldenTrajectories(t *testing.T) {
	for _, file := range goldenFiles(t, "trajectories") {
		t.Run(file.tag, func(t *testing.T) {
			e, err := New(file.cfg)
			if err != nil {
				t.Fatal(err)
			}
			matched, steps := 0, 0
			n := readGolden(t, file.path, func(want goldenEpisode) {
				if replayGolden(t, e, want) {
					matched++
					steps += want.N
				}
			})
			t.Logf("%d of %d episodes match (%d steps)", matched, n, steps)
		})
	}
}

// replayGolden plays a recorded episode and reports whether everything recorded of it matches.
func replayGolden(t *testing.T, e *Env, want goldenEpisode) bool {
	continues := want.Completes != nil
	completes := map[int]bool{}
	for _, i := range want.Completes {
		completes[i] = true
	}
	e.Reset(want.Seed)
	if want.RandomGoal != nil && *want.RandomGoal == 1 != e.Level().RandomGoal {
		t.Errorf("seed %d: random goal is %v", want.Seed, e.Level().RandomGoal)
		return false
	}
	crateSteps, end := 0, env.Running
	for i, digit := range want.Actions {
		if end != env.Running {
			t.Errorf("seed %d, step %d: %v too early", want.Seed, i, end)
			return false
		}
		action, err := strconv.ParseInt(string(digit), 16, 8)
		if err != nil {
			t.Fatalf("seed %d: %v", want.Seed, err)
		}
		var reward float32
		reward, end = e.Step(int(action))
		if got := goldenState(e); got != want.Steps[i] {
			t.Errorf("seed %d, step %d: state %s, want %s", want.Seed, i, got, want.Steps[i])
			return false
		}
		var wantReward float32
		wantComplete := false
		switch {
		case continues:
			wantReward, wantComplete = want.Rewards[strconv.Itoa(i)], completes[i]
		case i == want.N-1:
			wantReward, wantComplete = want.Reward, want.Complete == 1
		}
		if complete := e.Outcome().Causes&ByCoin != 0; reward != wantReward || complete != wantComplete {
			t.Errorf("seed %d, step %d: reward %v, complete %v, want %v, %v", want.Seed, i, reward, complete, wantReward, wantComplete)
			return false
		}
		if e.onCrate {
			crateSteps++
		}
	}
	o := e.Outcome()
	ends := o.Causes.String()
	switch o.Ended {
	case env.Running:
		ends = "cut"
	case env.Truncated:
		ends = "timeout"
	}
	var ents [][]any
	for _, s := range e.AppendEntities(nil) {
		ents = append(ents, []any{float64(s.Kind), hex(s.X), hex(s.Y), hex(s.VX), hex(0)})
	}
	switch {
	case o.Steps != want.N:
		t.Errorf("seed %d: %d steps, want %d", want.Seed, o.Steps, want.N)
	case (end != env.Running) != (want.Done == 1):
		t.Errorf("seed %d: %v, want done %d", want.Seed, end, want.Done)
	case !continues && !sameWords(ends, want.End):
		t.Errorf("seed %d: ended by %q, want %q", want.Seed, ends, want.End)
	case e.LastTie() != want.LastRand:
		t.Errorf("seed %d: last draw %d, want %d", want.Seed, e.LastTie(), want.LastRand)
	case want.InvisibleCoin != nil && (*want.InvisibleCoin == 1) != (o.MarkerStep != 0):
		t.Errorf("seed %d: marker touched in step %d, want %d", want.Seed, o.MarkerStep, *want.InvisibleCoin)
	case want.CrateSteps != nil && *want.CrateSteps != crateSteps:
		t.Errorf("seed %d: %d steps on crates, want %d", want.Seed, crateSteps, *want.CrateSteps)
	case want.FinalEnts != nil && fmt.Sprint(ents) != fmt.Sprint(want.FinalEnts):
		t.Errorf("seed %d: at the end %v, want %v", want.Seed, ents, want.FinalEnts)
	default:
		return true
	}
	return false
}

// sameWords reports whether two ends such as "enemy+coin" name the same things, in any order.
func sameWords(a, b string) bool {
	x, y := strings.Split(a, "+"), strings.Split(b, "+")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

type goldenPictures struct {
	Seed   int64
	Frames map[string][]string
}

func TestGoldenPictures(t *testing.T) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/"
	for _, file := range goldenFiles(t, "pictures") {
		t.Run(file.tag, func(t *testing.T) {
			actions := map[int64]string{}
			for _, episodes := range goldenFiles(t, "trajectories") {
				if episodes.tag == file.tag {
					readGolden(t, episodes.path, func(w goldenEpisode) { actions[w.Seed] = w.Actions })
				}
			}
			e, err := New(file.cfg)
			if err != nil {
				t.Fatal(err)
			}
			matched, n := 0, 0
			picture := make([]byte, MonochromeSize*MonochromeSize)
			readGolden(t, file.path, func(want goldenPictures) {
				e.Reset(want.Seed)
				left := len(want.Frames)
				for step := 0; left > 0; step++ {
					if frame, ok := want.Frames[strconv.Itoa(step)]; ok {
						left--
						n++
						e.Monochrome(picture)
						for i, c := range picture {
							if c == Black {
								picture[i] = '.'
							} else {
								picture[i] = digits[c]
							}
						}
						if got := string(picture); got == strings.Join(frame, "") {
							matched++
						} else {
							t.Errorf("seed %d, step %d: picture differs\n%s", want.Seed, step, differingRows(got, frame))
						}
					}
					if left == 0 {
						break
					}
					if step >= len(actions[want.Seed]) {
						t.Errorf("seed %d: %d pictures of steps that no trajectory reaches", want.Seed, left)
						break
					}
					action, _ := strconv.ParseInt(actions[want.Seed][step:step+1], 16, 8)
					if _, end := e.Step(int(action)); end != env.Running && left > 0 {
						// The original has begun the next level by then, which was not recorded.
						t.Errorf("seed %d: %d pictures after the end", want.Seed, left)
						break
					}
				}
			})
			t.Logf("%d of %d pictures match", matched, n)
		})
	}
}

func differingRows(got string, want []string) string {
	var b strings.Builder
	for row, w := range want {
		if g := got[row*MonochromeSize:][:MonochromeSize]; g != w {
			fmt.Fprintf(&b, "row %2d  got %s\n       want %s\n", row, g, w)
		}
	}
	return b.String()
}

func TestGoldenLevelSeeds(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(goldenDir(), "level-seeds.json"))
	if os.IsNotExist(err) {
		t.Skip("no level-seeds.json")
	} else if err != nil {
		t.Fatal(err)
	}
	var settings []struct {
		RandSeed   int64     `json:"rand_seed"`
		NumLevels  int       `json:"num_levels"`
		StartLevel int       `json:"start_level"`
		Envs       [][]int64 `json:"env_level_seeds"`
	}
	if err := json.Unmarshal(data, &settings); err != nil {
		t.Fatal(err)
	}
	matched := 0
	for _, s := range settings {
		streams, err := Seeds{RandSeed: s.RandSeed, NumLevels: s.NumLevels, StartLevel: s.StartLevel}.Streams(len(s.Envs))
		if err != nil {
			t.Fatal(err)
		}
		ok := true
		for i, want := range s.Envs {
			for j, seed := range want {
				if got := streams[i].Next(false); got != seed {
					t.Errorf("rand_seed %d, num_levels %d: environment %d, level %d has seed %d, want %d",
						s.RandSeed, s.NumLevels, i, j, got, seed)
					ok = false
				}
			}
		}
		if ok {
			matched++
		}
	}
	t.Logf("%d of %d settings match", matched, len(settings))
}
