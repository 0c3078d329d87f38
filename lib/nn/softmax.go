package nn

import "math"

// Exp is eˣ in float32, with a relative error below 2e-7 (Cephes' expf): below -103 it is 0, above 88.8 +Inf, and NaN
// stays NaN.
func Exp(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > 88.72283:
		return float32(math.Inf(1))
	case x < -87.33654: // where the result is no longer normal, and rare
		return float32(math.Exp(float64(x)))
	}
	n := x * math.Log2E
	if n >= 0 {
		n += 0.5
	} else {
		n -= 0.5
	}
	k := int32(n)
	n = float32(k)
	// ln 2 in two parts: the first has few bits, so that its product with n is exact.
	r := x - n*0.693359375
	r += n * 2.12194440e-4
	p := ((((1.9875691500e-4*r+1.3981999507e-3)*r+8.3334519073e-3)*r+4.1665795894e-2)*r+1.6666665459e-1)*r + 5.0000001201e-1
	y := p*r*r + r + 1
	if k == 128 { // 2¹²⁸ is no float32, but y·2¹²⁷·2 may be
		return y * math.Float32frombits(254<<23) * 2
	}
	return y * math.Float32frombits(uint32(k+127)<<23)
}

// ExpEach replaces each number of x by its exponential, many at a time: within 2 units in the last place, 0 below -104,
// +Inf above 88.8, and NaN where x is NaN.
func ExpEach(x []float32) { exp(x) }

// LogEach replaces each number of x, which must be positive and normal (or NaN, which stays), by its natural logarithm,
// many at a time: within 2 units in the last place.
func LogEach(x []float32) { log(x) }

// LogSoftmax writes the logarithms of the softmax of the logits to dst, which may be logits itself.
func LogSoftmax(dst, logits []float32) {
	dst = dst[:len(logits)]
	top := logits[0]
	for _, x := range logits[1:] {
		top = max(top, x)
	}
	sum := float32(0)
	for _, x := range logits {
		sum += Exp(x - top)
	}
	log := float32(math.Log(float64(sum)))
	for i, x := range logits {
		dst[i] = (x - top) - log // top+log first would lose the digits of a small logarithm
	}
}

// Softmax writes the softmax of the logits to dst, which may be logits itself.
func Softmax(dst, logits []float32) {
	dst = dst[:len(logits)]
	top := logits[0]
	for _, x := range logits[1:] {
		top = max(top, x)
	}
	sum := float32(0)
	for i, x := range logits {
		dst[i] = Exp(x - top)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}

// Entropy returns the entropy in nats of a distribution given by its probabilities and their logarithms; an
// impossible outcome (probability 0) counts nothing.
func Entropy(p, logp []float32) float32 {
	h := float32(0)
	for i, x := range p {
		if x > 0 {
			h -= x * logp[i]
		}
	}
	return h
}

// CrossEntropy returns -log softmax(logits)[target] and writes its derivative with respect to the logits, softmax
// minus one-hot, to dLogits, which must not be logits.
func CrossEntropy(dLogits, logits []float32, target int) float32 {
	dLogits = dLogits[:len(logits)]
	top := logits[0]
	for _, x := range logits[1:] {
		top = max(top, x)
	}
	sum := float32(0)
	for i, x := range logits {
		dLogits[i] = Exp(x - top)
		sum += dLogits[i]
	}
	for i := range dLogits {
		dLogits[i] /= sum
	}
	dLogits[target]--
	return float32(math.Log(float64(sum))) + (top - logits[target])
}
