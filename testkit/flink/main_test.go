package flink

import (
	"os"
	"testing"

	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv("MINK_FLINK") != "" {
		os.Exit(m.Run()) // what Apache Flink and its Python leave behind has not been looked at
	}
	leak.Main(m, leak.Count{What: "open stores of state", Now: state.Stores})
}
