package flink

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Cluster is a Flink cluster with a SQL Gateway in a process of their own.
type Cluster struct {
	Site
	java *exec.Cmd
	in   io.Closer
}

// StartCluster starts one; Close ends it. ErrNotHere says that Flink cannot be had here.
func StartCluster(ctx context.Context, scratch string) (*Cluster, error) {
	java, err := javaOf(ctx, scratch, "Rest")
	if err != nil {
		return nil, err
	}
	in, err := java.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := java.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := java.Start(); err != nil {
		return nil, err
	}
	c := &Cluster{java: java, in: in}
	lines := bufio.NewScanner(out)
	for c.REST == "" && lines.Scan() {
		key, url, _ := strings.Cut(lines.Text(), " ")
		switch key {
		case "gateway":
			c.Gateway = url
		case "rest":
			c.REST = url
		}
	}
	if c.REST == "" {
		_ = c.Close()
		return nil, fmt.Errorf("the cluster does not start: %w", lines.Err())
	}
	return c, nil
}

// Close ends the process.
func (c *Cluster) Close() error {
	_ = c.in.Close()
	return c.java.Wait()
}

// javaOf is a command that runs a class of Flink's or of the Java side.
func javaOf(ctx context.Context, scratch, class string, args ...string) (*exec.Cmd, error) {
	classPath, err := prepare(ctx, scratch)
	if err != nil {
		return nil, err
	}
	all := []string{"-Xmx1g"}
	for _, p := range []string{"java.lang", "java.util", "java.util.concurrent", "java.net", "java.nio", "java.time"} {
		all = append(all, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	java := exec.CommandContext(ctx, "java", append(append(all, "-cp", classPath, class), args...)...)
	java.Dir = scratch
	log, err := os.Create(filepath.Join(scratch, class+".stderr"))
	if err != nil {
		return nil, err
	}
	java.Stderr = log
	return java, nil
}
