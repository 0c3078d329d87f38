package tensorboard_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/ppo"
	"goalgap/lib/tensorboard"
)

// A training that can be watched with tensorboard --logdir runs, and ends when it balances the pole.
func Example() {
	dir, err := os.MkdirTemp("", "runs") // in earnest a folder such as "runs/cartpole"
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := tensorboard.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	cfg := ppo.Default()
	cfg.LearningRate = 2.5e-3
	cfg.Evaluate = []ppo.Evaluation{{Name: "eval", Episodes: 20, Every: 10_000, Greedy: true}}
	cfg.Callbacks = []ppo.Callback{w.Update, ppo.StopAtReturn("eval", 475)}
	result, err := ppo.Train(context.Background(), cartpole.Make, env.Levels{}, cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped before all steps were done:", result.Stopped != nil && result.Steps < cfg.Steps)
	// Output:
	// stopped before all steps were done: true
}
