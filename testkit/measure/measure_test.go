package measure

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Of many samples of a distribution whose median is 0 the bounds hold it in 95 of 100.
func TestMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const samples = 4000
	for _, n := range []int{6, 15, 25, 60} {
		in := 0
		for range samples {
			v := make([]float64, n)
			for i := range v {
				v[i] = r.ExpFloat64() - 0.6931471805599453
			}
			p := Median(v)
			if p.Low > p.Mid || p.Mid > p.High {
				t.Fatalf("%d: %v", n, p)
			}
			if p.Low <= 0 && 0 <= p.High {
				in++
			}
		}
		if share := float64(in) / samples; share < 0.94 {
			t.Errorf("of %d values the bounds hold the median in %.3f of all samples", n, share)
		}
	}
	if got := (Percent{1.25, -2, 30}).String(); got != "+1.2 % (-2.0 to +30.0)" {
		t.Errorf("%q", got)
	}
	if got := Median([]float64{3, 1, 2}); got != (Percent{2, 1, 3}) {
		t.Errorf("%v", got)
	}
}

func TestCPU(t *testing.T) {
	from := CPU()
	for n, begin := 0, time.Now(); CPU() == from; n++ {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("work takes no time")
		}
	}
}
