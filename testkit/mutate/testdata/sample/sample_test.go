package sample

import "testing"

func TestSample(t *testing.T) {
	if Clamp(5, 1, 3) != 3 || Clamp(0, 1, 3) != 1 || Clamp(2, 1, 3) != 2 {
		t.Error("Clamp")
	}
	if (&sum[int]{}).add("", 1, 2).total != 3 || double(3) != 6 || text("a", "b") != "ab" {
		t.Error("the rest")
	}
}
