// Package sqlrepl is the room of the prompt: lines, completion, backslash commands.
// It talks to engine/gateway alone. The prompt is not built yet: `mink sql -e` and
// `-f` run statements and end.
package sqlrepl
