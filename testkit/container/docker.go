package container

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// inDocker starts a service in a container. That there is no Docker, or no image and no way
// to get it, is absence; anything else is a failure.
func inDocker(t testing.TB, k *kind) (address string, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil { // the library panics where it finds no Docker host
			err = absentf("no Docker: %v", p)
		}
	}()
	if k.image == "" {
		return "", absentf("it runs on the machine alone")
	}
	// The library's helper that takes containers away after a crash is an image of its own,
	// which is not everywhere to be had; a test takes away what it has started.
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "" {
		t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	}
	ctx := context.Background()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", absentf("no Docker: %v", err)
	}
	err = provider.Health(ctx)
	_ = provider.Close()
	if err != nil {
		return "", absentf("Docker does not answer: %v", err)
	}
	port, envs := k.port+"/tcp", k.env
	var modify func(*container.HostConfig)
	if k.envAt != nil {
		at, err := freePort()
		if err != nil {
			return "", err
		}
		envs = k.envAt(at)
		modify = func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{network.MustParsePort(port): {{HostPort: at}}}
		}
	}
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image: k.image, ExposedPorts: []string{port}, Env: envs, Cmd: k.args, HostConfigModifier: modify,
			WaitingFor: wait.ForListeningPort(k.port + "/tcp").WithStartupTimeout(k.patience),
		},
		Started: true,
	})
	if c != nil {
		t.Cleanup(func() { _ = testcontainers.TerminateContainer(c) })
	}
	if err != nil {
		if text := err.Error(); strings.Contains(text, "pull") || strings.Contains(text, "No such image") || strings.Contains(text, "manifest") || strings.Contains(text, "registry") {
			return "", absentf("no image %s: %v", k.image, err)
		}
		return "", err
	}
	host, err := c.Host(ctx)
	if err != nil {
		return "", err
	}
	mapped, err := c.MappedPort(ctx, k.port+"/tcp")
	if err != nil {
		return "", err
	}
	address = net.JoinHostPort(host, mapped.Port())
	return address, ready(k, address, func() error { return nil })
}
