package env

import (
	"io"
	"os"
	"os/exec"
	"syscall"
)

type osProcesses struct{}

// Start runs a program with its standard input and output as pipes.
func (osProcesses) Start(p Program) (Process, error) {
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stderr = p.Stderr
	// A program may be a script that starts another one, which is killed with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &osProcess{cmd, in, out}, nil
}

type osProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
}

func (p *osProcess) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p *osProcess) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *osProcess) CloseInput() error           { return p.in.Close() }
func (p *osProcess) Kill()                       { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

func (p *osProcess) Wait() string {
	if err := p.cmd.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}
