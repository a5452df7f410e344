package hygiene

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile(`\]\(([^)#?\s]+)[^)]*\)`)

func TestRelativeLinksLeadSomewhere(t *testing.T) {
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, ".md") {
			continue
		}
		for _, m := range link.FindAllSubmatch(read(t, f), -1) {
			target := string(m[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(f), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", f, target)
			}
		}
	}
}

func TestReadmeIsShort(t *testing.T) {
	require.LessOrEqual(t, bytes.Count(read(t, "README.md"), []byte("\n")), 150)
}

func TestReadmeNamesTheTwoCommands(t *testing.T) {
	readme := string(read(t, "README.md"))
	require.Contains(t, readme, "make demo")
	require.Contains(t, readme, "make test")
	require.Contains(t, string(read(t, ".ci/run")), "make test")
}

var makeTarget = regexp.MustCompile("`make ([a-z][a-z0-9-]*)")

func TestEveryMakeTargetInTheDocsExists(t *testing.T) {
	cmd := exec.Command("make", "-s", "help")
	cmd.Dir = root
	help, err := cmd.Output()
	require.NoError(t, err)
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, ".md") {
			continue
		}
		for _, m := range makeTarget.FindAllSubmatch(read(t, f), -1) {
			require.Regexp(t, `(?m)^  `+string(m[1])+`\s`, string(help), "%s names make %s", f, m[1])
		}
	}
}

// TestArchitectureKnowsEveryPackage holds the package map to the tree.
func TestArchitectureKnowsEveryPackage(t *testing.T) {
	arch := string(read(t, "ARCHITECTURE.md"))
	for _, p := range list(t, "./...") {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.Contains(rel, "/internal/metadata") {
			continue
		}
		top := rel
		if i := strings.Index(rel, "/internal/"); i >= 0 {
			top = rel[:i]
		}
		known := false
		for dir := top; dir != "." && !known; dir = filepath.Dir(dir) {
			known = strings.Contains(arch, "`"+dir+"`") || strings.Contains(arch, "`"+dir+"/`")
		}
		if !known {
			t.Errorf("ARCHITECTURE.md does not know %s", top)
		}
	}
}

func TestComponentReadmesAreManPages(t *testing.T) {
	for _, f := range tracked(t) {
		dir, ok := strings.CutSuffix(f, "/metadata.yaml")
		if !ok || strings.Contains(dir, "/internal/") || strings.HasPrefix(dir, "test/") || strings.HasPrefix(dir, "distro/") {
			continue
		}
		readme := string(read(t, dir+"/README.md"))
		for _, section := range []string{"Description", "Configuration", "Examples", "Telemetry", "Limits"} {
			require.Contains(t, readme, "\n## "+section+"\n", "%s/README.md", dir)
		}
	}
}

func TestChangelogHasAnUnreleasedPart(t *testing.T) {
	require.Contains(t, string(read(t, "CHANGELOG.md")), "\n## Unreleased\n")
}
