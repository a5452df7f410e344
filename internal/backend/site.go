package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// Site owns the servers of one run and the folder with their data.
type Site struct {
	data string
	logs string

	mu    sync.Mutex
	procs []*Process // in order of start; guarded by mu
}

// NewSite prepares a folder for data, removed by Stop, and the folder for log files, which stay.
// The data lie in the system's temporary folder, because servers that run as their own user must reach them.
func NewSite(logs string) (*Site, error) {
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for logs: %w", err)
	}
	data, err := os.MkdirTemp("", "ordertrace-")
	if err != nil {
		return nil, fmt.Errorf("make the folder for data: %w", err)
	}
	if err := os.Chmod(data, 0o755); err != nil {
		return nil, err
	}
	return &Site{data: data, logs: logs}, nil
}

// Dir is the folder that holds the data of all servers of the site.
func (s *Site) Dir() string { return s.data }

// Logs is the folder that holds the log files.
func (s *Site) Logs() string { return s.logs }

// Run starts a server of the site; Stop ends it.
func (s *Site) Run(c Command) (*Process, error) {
	// The mark lets anyone find what belongs to the site in /proc/*/environ.
	c.Env = append([]string{"ORDERTRACE_SITE=" + s.data}, c.Env...)
	p, err := start(c, filepath.Join(s.logs, c.Name+".log"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.procs = append(s.procs, p)
	return p, nil
}

// Stop ends every server, the last started first, and removes the data. It may be called again.
func (s *Site) Stop() error {
	s.mu.Lock()
	procs := s.procs
	s.procs = nil
	s.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(procs) {
		errs = append(errs, p.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.data))...)
}

// folder makes a folder for a server's data, owned by the user that it runs as.
func (s *Site) folder(name, owner string) (string, error) {
	dir := filepath.Join(s.data, name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	c, err := credential(owner)
	if err != nil || c == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(c.Uid), int(c.Gid))
}

func (s *Site) write(name, text string) (string, error) {
	path := filepath.Join(s.data, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return path, nil
}

// onPorts calls attempt with free ports, and again with others while somebody else takes one before the
// server does. A wanted port that is free is used; 0 asks for any.
func onPorts[T any](wanted []int, attempt func(ports []int) (T, error)) (result T, err error) {
	for range 3 {
		var ports []int
		if ports, err = FreePorts(wanted...); err != nil {
			return result, err
		}
		if result, err = attempt(ports); !errors.Is(err, errPortTaken) {
			return result, err
		}
	}
	return result, err
}

// FreePorts returns a port on loopback that nobody listens on for each one wanted: that one when it is free,
// any other when it is not or when it is 0.
func FreePorts(wanted ...int) ([]int, error) {
	ports := make([]int, 0, len(wanted))
	for _, want := range wanted {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(want)))
		if err != nil && want != 0 {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all stay open until the last is found, so that none is found twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Answers is a probe: a GET of url answers with status 200.
func Answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}

// listens is a probe: somebody takes connections at addr.
func listens(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// Tool finds a program that tools/backends.sh provides: the one that the variable names, or the one in .cache/bin.
func Tool(name, variable string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("%s: %w", variable, err)
		}
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run tools/backends.sh, or name it in %s: %w", name, variable, err)
	}
	return path, nil
}

// Built finds a program of ours that `make build` writes into bin/, or into the folder that ORDERTRACE_BIN_DIR names.
func Built(name string) (string, error) {
	dir := os.Getenv("ORDERTRACE_BIN_DIR")
	if dir == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not built: run make build: %w", name, err)
	}
	return path, nil
}

// Root is the repository's folder: the nearest one at or above the working directory with a builder-config.yaml.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "builder-config.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no builder-config.yaml at or above the working directory: run inside the repository")
		}
	}
}

// firstExecutable returns the first of the paths (globs allowed) that can be run.
func firstExecutable(patterns ...string) (string, bool) {
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern)
		for _, m := range slices.Backward(matches) { // the newest version sorts last
			if p, err := exec.LookPath(m); err == nil {
				return p, true
			}
		}
	}
	return "", false
}
