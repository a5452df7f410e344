package hygiene

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps,Standard"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		require.NoError(t, dec.Decode(&p))
		pkgs = append(pkgs, p)
	}
	return pkgs
}

// component returns the component that an import path belongs to ("processor/orderenrich"), or "".
func component(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	parts := strings.SplitN(rest, "/", 3)
	switch parts[0] {
	case "processor", "connector", "extension", "receiver", "converter":
		if len(parts) > 1 {
			return parts[0] + "/" + parts[1]
		}
	}
	return ""
}

func isCore(path string) bool {
	_, after, ok := strings.Cut(path, "/internal/")
	return ok && component(path) != "" && !strings.HasPrefix(after, "metadata")
}

func TestCoresKnowNoCollector(t *testing.T) {
	for _, p := range list(t, "./...") {
		if !isCore(p.ImportPath) {
			continue
		}
		for _, dep := range p.Deps {
			for _, banned := range []string{"go.opentelemetry.io/", "go.uber.org/zap", "github.com/open-telemetry/"} {
				if strings.HasPrefix(dep, banned) {
					t.Errorf("%s depends on %s: a core is plain Go", p.ImportPath, dep)
				}
			}
		}
	}
}

func TestComponentsNeverImportEachOther(t *testing.T) {
	for _, p := range list(t, "./...") {
		own := component(p.ImportPath)
		if own == "" {
			continue
		}
		for _, imp := range p.Imports {
			if other := component(imp); other != "" && other != own {
				t.Errorf("%s imports %s: meet in a small interface in internal/", p.ImportPath, imp)
			}
		}
	}
}

func TestNothingImportsTest(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, module+"/test/") && !strings.HasPrefix(p.ImportPath, module+"/test/") {
				t.Errorf("%s imports %s: nothing imports test/", p.ImportPath, imp)
			}
		}
	}
}

func TestInstrumentationIsFreeOfTheCollector(t *testing.T) {
	pkgs := list(t, "./instrumentation/...")
	require.NotEmpty(t, pkgs)
	for _, p := range pkgs {
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "go.opentelemetry.io/collector") || strings.HasPrefix(dep, "github.com/open-telemetry/") {
				t.Errorf("%s depends on %s", p.ImportPath, dep)
			}
		}
	}
}

// TestInternalPackagesHaveTwoImporters holds the rule for the top-level internal/: code used once lives with its user.
func TestInternalPackagesHaveTwoImporters(t *testing.T) {
	importers := map[string]map[string]bool{}
	cmd := exec.Command("go", "list", "-tags=remove_all_sd,e2e", "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, line := range strings.Split(string(out), "\n") {
		fields := strings.Fields(line)
		for i, imp := range fields {
			if i > 0 && imp != fields[0] && strings.HasPrefix(imp, module+"/internal/") {
				if importers[imp] == nil {
					importers[imp] = map[string]bool{}
				}
				importers[imp][fields[0]] = true
			}
		}
	}
	for _, p := range list(t, "./internal/...") {
		if n := len(importers[p.ImportPath]); n < 2 && strings.Count(strings.TrimPrefix(p.ImportPath, module+"/internal/"), "/") == 0 {
			t.Errorf("%s has %d importers: move it to its user", p.ImportPath, n)
		}
	}
}
