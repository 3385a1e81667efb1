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

// Secrets are compared in constant time. minkvet holds the tree to it.
func TestCompared(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), NewCompared([]string{"secret"}), "secret")
	for path, want := range map[string]bool{
		Module + "/engine/serve/guard": true, Module + "/engine/serve/pgwire": true, Module + "/engine/serve/flightsql": true, Module + "/cli": true, Module + "/engine/sql/parse": false,
	} {
		if got := isTask(SecretPackages, path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
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
