package container

import (
	"context"
	"net"
	"strings"
	"testing"

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
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image: k.image, ExposedPorts: []string{k.port + "/tcp"}, Env: k.env, Cmd: k.args, WaitingFor: wait.ForListeningPort(k.port + "/tcp").WithStartupTimeout(k.patience),
		},
		Started: true,
	})
	if c != nil {
		t.Cleanup(func() { _ = testcontainers.TerminateContainer(c) })
	}
	if err != nil {
		if text := err.Error(); strings.Contains(text, "pull") || strings.Contains(text, "No such image") || strings.Contains(text, "manifest") {
			return "", absentf("no image %s: %v", k.image, err)
		}
		return "", err
	}
	host, err := c.Host(ctx)
	if err != nil {
		return "", err
	}
	port, err := c.MappedPort(ctx, k.port+"/tcp")
	if err != nil {
		return "", err
	}
	address = net.JoinHostPort(host, port.Port())
	return address, ready(k, address, func() error { return nil })
}
