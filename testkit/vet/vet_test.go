package vet

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

// The expected diagnostics are the "want" comments in the sources.
func TestVet(t *testing.T) {
	a := New([]string{"task", "fileok"}, "helper")
	analysistest.Run(t, analysistest.TestData(), a, "task", "helper", "fileok")
}

func TestTaskPackages(t *testing.T) {
	for path, want := range map[string]bool{
		Module + "/engine/flow":            true,
		Module + "/engine/flowers":         false,
		Module + "/engine/function":        true,
		Module + "/engine/function/scalar": true,
		Module + "/engine/env":             false,
		Module + "/connectors/datagen":     false,
	} {
		if got := isTask(TaskPackages, path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
}
