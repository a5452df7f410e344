package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command says how to run one server.
type Command struct {
	Name string   // in messages, and of the log file
	Path string   // the executable
	Args []string // without the executable's own name
	Env  []string // added to our environment; a later entry wins
	Dir  string   // the folder to run in; "" is ours
	User string   // run as this user when we are root, who some servers refuse to serve
	// StopSignal asks the server to end (SIGTERM when zero). The kernel sends it too when we die.
	StopSignal syscall.Signal
	// Grace is how long the server may take to end before it is killed (10 s when zero).
	Grace time.Duration
}

// Process is a running child. Its output goes to a log file that stays after it.
type Process struct {
	Name string
	Log  string // path of the log file

	cmd    *exec.Cmd
	signal syscall.Signal
	grace  time.Duration
	done   chan struct{} // closed by the goroutine that waits for the child, after err is set
	err    error
}

func start(c Command, logFile string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.Name, err)
	}
	defer log.Close() // the child has its own descriptor
	p := &Process{Name: c.Name, Log: logFile, signal: c.StopSignal, grace: c.Grace, done: make(chan struct{})}
	if p.signal == 0 {
		p.signal = syscall.SIGTERM
	}
	if p.grace == 0 {
		p.grace = 10 * time.Second
	}
	p.cmd = exec.Command(c.Path, c.Args...)
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Dir = c.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A group of its own: Ctrl-C on our terminal reaches us alone, and we end the children in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: p.signal}
	if p.cmd.SysProcAttr.Credential, err = credential(c.User); err != nil {
		return nil, err
	}
	if err := spawn(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the child ended: nil when it exited with 0, and while it runs.
func (p *Process) Err() error {
	if p.Running() {
		return nil
	}
	return p.err
}

// Running tells whether the child has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Stop asks the child to end, waits, kills what is left of its group, and may be called again.
func (p *Process) Stop() error {
	var late error
	if p.Running() {
		_ = p.cmd.Process.Signal(p.signal) // ended meanwhile: fine
		select {
		case <-p.done:
		case <-time.After(p.grace):
			late = fmt.Errorf("%s did not end within %s and was killed; see %s", p.Name, p.grace, p.Log)
		}
	}
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // the group, helpers included; none left: fine
	<-p.done
	return late
}

// Kill ends the child at once, as a crash would.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
	<-p.done
}

// Tail returns the last lines of the log.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

var errPortTaken = errors.New("the port was taken meanwhile")

// WaitReady polls probe until it answers without an error, the child ends, or ctx is done.
func (p *Process) WaitReady(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		last := probe(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-p.done:
			tail := p.Tail(15)
			if strings.Contains(strings.ToLower(tail), "address already in use") || strings.Contains(tail, "eaddrinuse") {
				return fmt.Errorf("%s: %w", p.Name, errPortTaken)
			}
			return fmt.Errorf("%s ended before it was ready (%w); the end of %s:\n%s", p.Name, p.err, p.Log, tail)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the end of %s:\n%s", p.Name, last, p.Log, p.Tail(15))
		case <-tick.C:
		}
	}
}

// spawner starts children from one thread that never ends: the kernel ties "your parent died" to the thread
// that started the child, and Go may end any other thread at will.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func spawn(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	spawner() <- func() { result <- cmd.Start() }
	return <-result
}

// credential is that of the named user when we are root, and none (keep ours) otherwise.
func credential(name string) (*syscall.Credential, error) {
	if name == "" || os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up the user to run as: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	ids, err3 := u.GroupIds()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(g))
		}
	}
	return c, nil
}
