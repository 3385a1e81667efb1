// Package agents is the room of model providers and event-driven agents, a folder
// each. There are none yet.
package agents
