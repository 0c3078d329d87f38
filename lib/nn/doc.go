// Package nn is float32 networks for observations that are partly one-hot: multilayer perceptrons with tanh or relu
// between the layers and a linear head, for images with the residual convolutions of IMPALA before them, for what has to
// be remembered with a gated recurrent unit after them, their gradients, Adam, softmax losses, and files in the
// safetensors format.
//
// Supervised training in four lines:
//
//	net, err := nn.New(nn.Shape{Dense: 4, Hidden: []int{64, 64}, Out: 1}, 1, rng.New(seed, "weights", 0))
//	opt := nn.NewAdam(net)
//	for range steps {
//		nn.Accumulate(nn.Job{Net: net, Batch: batch, Loss: func(lo, hi int, out, dOut []float32) {
//			for i := range hi - lo {
//				dOut[i] = (out[i] - target[lo+i]) / float32(batch.N) // of half the mean squared error
//			}
//		}})
//		opt.Step(1e-3, 0.5)
//	}
//
// A network with several categorical heads is one whose Out is the sum of their sizes: the loss treats each piece of a
// row on its own.
//
// Results do not depend on GOMAXPROCS: a batch is cut into pieces by its size alone, their gradients are summed in
// order, and an output row depends on its own input row only. They do depend, in the last bits, on which kernels the
// processor allows (AVX-512, AVX2, NEON, or portable Go).
package nn
