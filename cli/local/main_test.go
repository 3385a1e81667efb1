package local

import (
	"testing"

	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
