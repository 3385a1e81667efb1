package sqltest

import (
	"testing"

	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) {
	leak.Main(m, leak.Count{What: "open stores of state", Now: state.Stores})
}
