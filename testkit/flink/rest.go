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

// Java runs classes of Flink's and of the Java side.
type Java struct{ classPath, scratch string }

// NewJava brings the jars and compiles the Java side. ErrNotHere says that Flink cannot be
// had here.
func NewJava(ctx context.Context, scratch string) (*Java, error) {
	classPath, err := prepare(ctx, scratch)
	return &Java{classPath, scratch}, err
}

// Command runs a class.
func (j *Java) Command(ctx context.Context, class string, args ...string) *exec.Cmd {
	all := []string{"-Xmx1g"}
	for _, p := range []string{"java.lang", "java.util", "java.util.concurrent", "java.net", "java.nio", "java.time"} {
		all = append(all, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	java := exec.CommandContext(ctx, "java", append(append(all, "-cp", j.classPath, class), args...)...)
	java.Dir = j.scratch
	return java
}

// StartCluster starts a cluster; Close ends it.
func (j *Java) StartCluster(ctx context.Context) (*Cluster, error) {
	java := j.Command(ctx, "Rest")
	in, err := java.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := java.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(j.scratch, "Rest.stderr"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	java.Stderr = log
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
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the cluster does not start: %v: %s", lines.Err(), text[:min(len(text), 4000)])
	}
	return c, nil
}

// Close ends the process.
func (c *Cluster) Close() error {
	_ = c.in.Close()
	return c.java.Wait()
}
