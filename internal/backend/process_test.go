package backend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newTestSite(t *testing.T) *Site {
	t.Helper()
	site, err := NewSite(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, site.Stop()) })
	return site
}

func shell(t *testing.T, site *Site, script string) *Process {
	t.Helper()
	p, err := site.Run(Command{Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}})
	require.NoError(t, err)
	return p
}

func never(context.Context) error { return errors.New("no answer") }

func TestAServerThatEndsBeforeItIsReadyIsReportedWithItsLog(t *testing.T) {
	p := shell(t, newTestSite(t), "echo no such table >&2; exit 3")
	err := p.WaitReady(t.Context(), never)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "no such table")
	require.False(t, p.Running())
}

func TestHowAChildEndedCanBeAsked(t *testing.T) {
	site := newTestSite(t)
	running, good, bad := shell(t, site, "sleep 60"), shell(t, site, "exit 0"), shell(t, site, "exit 3")
	<-good.Done()
	<-bad.Done()
	require.NoError(t, running.Err())
	require.NoError(t, good.Err())
	require.EqualError(t, bad.Err(), "exit status 3")
}

func TestAServerThatFindsItsPortTakenIsTriedAgain(t *testing.T) {
	site := newTestSite(t)
	tries := 0
	got, err := onPorts([]int{0, 0}, func(ports []int) (int, error) {
		require.Len(t, ports, 2)
		require.NotEqual(t, ports[0], ports[1])
		if tries++; tries == 1 {
			return 0, shell(t, site, "echo bind: address already in use; exit 1").WaitReady(t.Context(), never)
		}
		return ports[0], nil
	})
	require.NoError(t, err)
	require.NotZero(t, got)
	require.Equal(t, 2, tries)
}

func TestOtherFailuresAreNotTriedAgain(t *testing.T) {
	tries := 0
	_, err := onPorts([]int{0}, func([]int) (int, error) {
		tries++
		return 0, errors.New("no memory")
	})
	require.EqualError(t, err, "no memory")
	require.Equal(t, 1, tries)
}

func TestStopEndsHelpersToo(t *testing.T) {
	site := newTestSite(t)
	pidFile := filepath.Join(site.Dir(), "helper")
	p := shell(t, site, "sleep 1000 & echo $! > "+pidFile+"; wait")
	require.NoError(t, p.WaitReady(t.Context(), func(context.Context) error {
		text, err := os.ReadFile(pidFile)
		if err == nil && len(text) == 0 {
			return errors.New("empty")
		}
		return err
	}))
	pid, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	helper := filepath.Join("/proc", string(pid[:len(pid)-1]), "cmdline")
	require.NoError(t, p.Stop())
	require.NoError(t, p.Stop(), "twice")
	require.Eventually(t, func() bool {
		line, err := os.ReadFile(helper) // a zombie that nobody reaped yet has an empty command line
		return err != nil || len(line) == 0
	}, 5*time.Second, 10*time.Millisecond)
}

func TestAServerThatDoesNotEndIsKilledAndNamed(t *testing.T) {
	site := newTestSite(t)
	ready := filepath.Join(site.Dir(), "ready")
	p, err := site.Run(Command{
		Name: "stubborn", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; touch " + ready + "; while :; do sleep 1; done"},
		Grace: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	require.NoError(t, p.WaitReady(t.Context(), func(context.Context) error {
		_, err := os.Stat(ready)
		return err
	}))
	require.ErrorContains(t, p.Stop(), "stubborn did not end")
	require.False(t, p.Running())
}

func TestAMissingToolSaysHowToGetIt(t *testing.T) {
	_, err := Tool("no-such-tool", "NO_SUCH_TOOL_BIN")
	require.ErrorContains(t, err, "tools/backends.sh")
	require.ErrorContains(t, err, "NO_SUCH_TOOL_BIN")
	t.Setenv("NO_SUCH_TOOL_BIN", "/bin/sh")
	path, err := Tool("no-such-tool", "NO_SUCH_TOOL_BIN")
	require.NoError(t, err)
	require.Equal(t, "/bin/sh", path)
}

func TestTheSitesDataIsGoneAfterStop(t *testing.T) {
	site, err := NewSite(t.TempDir())
	require.NoError(t, err)
	_, err = site.write("a.yaml", "a: b")
	require.NoError(t, err)
	require.NoError(t, site.Stop())
	require.NoDirExists(t, site.Dir())
	require.NoError(t, site.Stop())
}
