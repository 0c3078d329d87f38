package coinrun

import "fmt"

// Mode is procgen's distribution mode.
type Mode uint8

const (
	// Hard levels have enemies on open ground, and random colours. The default.
	Hard Mode = iota
	// Easy levels have enemies in pits only, and one set of colours.
	Easy
)

// String returns "hard" or "easy".
func (m Mode) String() string {
	switch m {
	case Hard:
		return "hard"
	case Easy:
		return "easy"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Variant says which of the published games is played.
type Variant uint8

const (
	// Original is procgen's CoinRun: the coin stands at the end of the level. The default.
	Original Variant = iota
	// RandomCoin is procgenAISC's coinrun: the coin stands at the start of a random section in Config.RandomPercent
	// of the levels and at the end in the others; an invisible marker stands at the other of the two places.
	RandomCoin
	// AlwaysRandomCoin is procgenAISC's coinrun_aisc: like RandomCoin at 100 %, with other layouts for the same
	// seeds (it draws one random number less).
	AlwaysRandomCoin
	// ModWall is procgenAISC's coinrun_mod_wall: like RandomCoin, but only 15 columns behind the end of the level
	// are filled, with a wall that looks solid and is not.
	ModWall
)

// String returns the name that procgenAISC gives the game ("procgen" for the original).
func (v Variant) String() string {
	switch v {
	case Original:
		return "procgen"
	case RandomCoin:
		return "coinrun"
	case AlwaysRandomCoin:
		return "coinrun_aisc"
	case ModWall:
		return "coinrun_mod_wall"
	}
	return fmt.Sprintf("Variant(%d)", uint8(v))
}

// Config says which game is played and what of it is observed. The zero value is procgen's CoinRun in hard mode.
type Config struct {
	// Mode is Hard (default) or Easy.
	Mode Mode

	// Variant is the game; default Original.
	Variant Variant

	// RandomPercent is the share of levels whose coin stands at a random place, in per cent, 0 .. 100; default 0.
	// Only RandomCoin and ModWall have it.
	RandomPercent int

	// ContinueAfterCoin: touching the coin pays, as always, but does not end the episode; the coin stays and pays
	// again in every step of contact, and a saw or an enemy touched in such a step does no harm. Default false.
	// Original does not have it.
	ContinueAfterCoin bool

	// StartAnywhere: the agent starts on open ground at a random place of the level, at least two columns away from
	// the coin, the marker and everything that moves or kills, instead of at the left end. It is no variant of the
	// published games but ours, for watching people where the goal is not always to the right. The layout of a level
	// stays that of its seed. Default false.
	StartAnywhere bool

	// Blind is the set of planes that the observation leaves out, for ablations; default none. It changes neither
	// the game nor the length of the observation.
	Blind Planes
}

// Validate returns an error that names the first field with a wrong value.
func (c Config) Validate() error {
	switch {
	case c.Mode > Easy:
		return fmt.Errorf("coinrun: Config.Mode %d is neither Hard nor Easy", c.Mode)
	case c.Variant > ModWall:
		return fmt.Errorf("coinrun: Config.Variant %d is not known", c.Variant)
	case c.RandomPercent < 0 || c.RandomPercent > 100:
		return fmt.Errorf("coinrun: Config.RandomPercent %d is outside 0 .. 100", c.RandomPercent)
	case c.RandomPercent != 0 && c.Variant != RandomCoin && c.Variant != ModWall:
		return fmt.Errorf("coinrun: Config.RandomPercent %d has no meaning for the variant %v", c.RandomPercent, c.Variant)
	case c.ContinueAfterCoin && c.Variant == Original:
		return fmt.Errorf("coinrun: Config.ContinueAfterCoin has no meaning for the variant %v", c.Variant)
	case c.Blind >= 1<<NumPlanes:
		return fmt.Errorf("coinrun: Config.Blind %#x names planes that do not exist", uint(c.Blind))
	}
	return nil
}

// String is a short name such as "coinrun-hard", "coinrun-random2-hard" or "coinrun-modwall100-easy".
func (c Config) String() string {
	name := "coinrun"
	switch c.Variant {
	case RandomCoin:
		name += fmt.Sprintf("-random%d", c.RandomPercent)
	case AlwaysRandomCoin:
		name += "-aisc"
	case ModWall:
		name += fmt.Sprintf("-modwall%d", c.RandomPercent)
	}
	if c.ContinueAfterCoin {
		name += "-continue"
	}
	if c.StartAnywhere {
		name += "-anywhere"
	}
	if c.Blind != 0 {
		name += fmt.Sprintf("-blind%x", uint(c.Blind))
	}
	return name + "-" + c.Mode.String()
}
