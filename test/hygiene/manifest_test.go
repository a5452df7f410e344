package hygiene

import (
	"bytes"
	"os/exec"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"gopkg.in/yaml.v3"
)

const module = "github.com/ordertrace/ordertrace"

type manifest struct {
	Dist                                                                            struct{ Version string }
	Receivers, Processors, Exporters, Extensions, Connectors, Providers, Converters []struct {
		GoMod, Import, Path string
	}
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	var m manifest
	require.NoError(t, yaml.Unmarshal(read(t, "builder-config.yaml"), &m))
	return m
}

func (m manifest) entries() map[string]string {
	all := map[string]string{}
	for _, list := range [][]struct{ GoMod, Import, Path string }{m.Receivers, m.Processors, m.Exporters, m.Extensions, m.Connectors, m.Providers, m.Converters} {
		for _, e := range list {
			name, version, _ := strings.Cut(e.GoMod, " ")
			if e.Import != "" {
				name = e.Import
			}
			all[name] = version
		}
	}
	return all
}

func TestManifestAndGoModNameTheSameVersions(t *testing.T) {
	file, err := modfile.Parse("go.mod", read(t, "go.mod"), nil)
	require.NoError(t, err)
	pinned := map[string]string{}
	for _, r := range file.Require {
		pinned[r.Mod.Path] = r.Mod.Version
	}
	for name, version := range readManifest(t).entries() {
		if strings.HasPrefix(name, module+"/") {
			require.Equal(t, "v0.0.0", version, name)
			continue
		}
		require.Equal(t, version, pinned[name], "%s in builder-config.yaml and in go.mod", name)
	}
}

func TestTheToolHasTheDistributionsVersion(t *testing.T) {
	want := readManifest(t).Dist.Version
	require.NotEmpty(t, want)
	require.Contains(t, string(read(t, "cmd/ordertrace/main.go")), `const version = "`+want+`"`)
	require.Contains(t, string(read(t, "distro/otelcol-ordertrace/main.go")), `Version:     "`+want+`"`)
	require.Contains(t, string(read(t, "CHANGELOG.md")), want)
}

func TestManifestAndGeneratedCodeNameTheSameComponents(t *testing.T) {
	want := []string{}
	for name := range readManifest(t).entries() {
		want = append(want, name)
	}
	sort.Strings(want)
	code := string(read(t, "distro/otelcol-ordertrace/components.go")) + string(read(t, "distro/otelcol-ordertrace/main.go"))
	for _, name := range want {
		require.Contains(t, code, `"`+name+`"`, "make generate after a change of the manifest")
	}
}

func TestEveryComponentOfOursIsInTheManifest(t *testing.T) {
	entries := readManifest(t).entries()
	for _, f := range tracked(t) {
		dir, ok := strings.CutSuffix(f, "/metadata.yaml")
		if !ok || strings.Contains(dir, "/internal/") || strings.HasPrefix(dir, "test/") {
			continue
		}
		if _, ok := entries[module+"/"+dir]; !ok {
			t.Errorf("%s is not in builder-config.yaml: a component ships in the distribution", dir)
		}
	}
}

// TestTheBinaryNeedsNoBenchmarkPeer keeps the components that only test/bench compares with out of the distribution.
func TestTheBinaryNeedsNoBenchmarkPeer(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./distro/otelcol-ordertrace")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, peer := range []string{"processor/groupbytraceprocessor", "processor/redactionprocessor"} {
		require.False(t, bytes.Contains(out, []byte(peer)), peer)
	}
}
