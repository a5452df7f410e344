package hygiene

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's top folder, seen from this package.
const root = "../.."

// tracked returns the files that belong to the project (known to git, or new and not ignored), relative to root.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err, "git lists the project's files")
	var files []string
	for _, f := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, f)); err == nil && info.Mode().IsRegular() {
			files = append(files, f)
		}
	}
	require.NotEmpty(t, files)
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return b
}

func generated(content []byte) bool {
	head, _, _ := bytes.Cut(content, []byte("\npackage "))
	return bytes.Contains(head, []byte("Code generated")) && bytes.Contains(head, []byte("DO NOT EDIT"))
}

func TestFilesStaySmall(t *testing.T) {
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, ".go") {
			continue
		}
		content := read(t, f)
		limit := 350
		if strings.HasSuffix(f, "_test.go") {
			limit = 600
		}
		if lines := bytes.Count(content, []byte("\n")); !generated(content) && lines > limit {
			t.Errorf("%s has %d lines, more than %d: split it by idea", f, lines, limit)
		}
	}
}

func TestPackagesStaySmall(t *testing.T) {
	files := map[string]int{}
	for _, f := range tracked(t) {
		if strings.HasSuffix(f, ".go") && !strings.HasSuffix(f, "_test.go") && !generated(read(t, f)) {
			files[filepath.Dir(f)]++
		}
	}
	for dir, n := range files {
		if n > 12 {
			t.Errorf("%s has %d files: one idea a package, at most 12", dir, n)
		}
	}
}

func TestPackagesAreNamedByTheirIdea(t *testing.T) {
	for _, f := range tracked(t) {
		switch filepath.Base(filepath.Dir(f)) {
		case "util", "utils", "common", "helper", "helpers", "manager", "misc":
			t.Errorf("%s: name the package by what it is about", f)
		}
	}
}

func TestNoSkipsAndNoSleepsInUnitTests(t *testing.T) {
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, "_test.go") || strings.HasPrefix(f, "test/") {
			continue
		}
		content := read(t, f)
		if generated(content) {
			continue
		}
		if bytes.Contains(content, []byte("t.Skip")) || bytes.Contains(content, []byte("testing.Short()")) {
			t.Errorf("%s skips: in CI a missing part is a failure", f)
		}
		if bytes.Contains(content, []byte("time.Sleep(")) && !bytes.Contains(content, []byte("testing/synctest")) {
			t.Errorf("%s sleeps: use testing/synctest, or move it to test/", f)
		}
	}
}

func TestNoPathsOfOneMachine(t *testing.T) {
	bad := []string{"/ro" + "ot/", "/wo" + "rk/"}
	for _, f := range tracked(t) {
		content := read(t, f)
		if bytes.IndexByte(content, 0) >= 0 || strings.HasSuffix(f, "go.sum") {
			continue
		}
		for _, b := range bad {
			if bytes.Contains(content, []byte(b)) {
				t.Errorf("%s names %s…: a path of one machine", f, b)
			}
		}
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"}
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, ".go") && !strings.HasSuffix(f, ".sh") || generated(read(t, f)) {
			continue
		}
		for _, m := range marks {
			if bytes.Contains(read(t, f), []byte(m)) {
				t.Errorf("%s contains %s: finish it, or say it as a limit in the docs", f, m)
			}
		}
	}
}

func TestScriptsFailOnTheFirstError(t *testing.T) {
	for _, f := range tracked(t) {
		if strings.HasSuffix(f, ".sh") || f == ".ci/run" {
			require.Contains(t, string(read(t, f)), "set -euo pipefail", f)
			info, err := os.Stat(filepath.Join(root, f))
			require.NoError(t, err)
			require.NotZero(t, info.Mode()&0o100, "%s is executable", f)
		}
	}
}
