package piiredact

import (
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/ptracetest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

// goldenRun runs a pipeline with the case's configuration.
func goldenRun(t *testing.T, name string) (run func(signals), in, want string) {
	dir := filepath.Join("testdata", name)
	section, err := confmaptest.LoadConf(filepath.Join(dir, "config.yaml"))
	must(t, err)
	cfg := createDefaultConfig().(*Config)
	must(t, section.Unmarshal(cfg))
	must(t, cfg.Validate())
	return newPipeline(t, cfg), filepath.Join(dir, "in.yaml"), filepath.Join(dir, "want.yaml")
}

func TestASpanUnderTheStrictProfile(t *testing.T) {
	run, in, want := goldenRun(t, "span")
	s := blank()
	var err error
	s.td, err = golden.ReadTraces(in)
	must(t, err)
	expected, err := golden.ReadTraces(want)
	must(t, err)
	run(s)
	must(t, ptracetest.CompareTraces(expected, s.td))
}

func TestARecordWithMaskedMailAndDroppedNames(t *testing.T) {
	run, in, want := goldenRun(t, "record")
	s := blank()
	var err error
	s.ld, err = golden.ReadLogs(in)
	must(t, err)
	expected, err := golden.ReadLogs(want)
	must(t, err)
	run(s)
	must(t, plogtest.CompareLogs(expected, s.ld))
}

func TestAPointWithSecretsOnlyAndARule(t *testing.T) {
	run, in, want := goldenRun(t, "point")
	s := blank()
	var err error
	s.md, err = golden.ReadMetrics(in)
	must(t, err)
	expected, err := golden.ReadMetrics(want)
	must(t, err)
	run(s)
	must(t, pmetrictest.CompareMetrics(expected, s.md))
}
