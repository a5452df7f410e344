package slametrics_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write want.yaml and verdicts.yaml anew")

// TestGolden sends testdata/<case>/in.yaml and lets half a minute pass on a living path. The bubble's clock starts at
// 2000-01-01T00:00:00Z (946684800), so that stamps in the files are exact.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/config.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			config, err := os.ReadFile(file)
			require.NoError(t, err)
			in, err := golden.ReadTraces(filepath.Join(dir, "in.yaml"))
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, string(config))
				time.Sleep(2500 * time.Millisecond) // beats and ticks never meet
				r.sendTraces(in)
				r.live(30 * time.Second)
				r.stop()
				r.compare(dir)
			})
		})
	}
}

func (r *rig) compare(dir string) {
	metrics, records := r.metrics.AllMetrics(), r.records.AllLogs()
	last := metrics[len(metrics)-1]
	last.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.instance.id", "this-host")
	for _, ld := range records[min(1, len(records)):] {
		ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().MoveAndAppendTo(records[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords())
	}
	wantMetrics, wantRecords := filepath.Join(dir, "want.yaml"), filepath.Join(dir, "verdicts.yaml")
	if len(records) > 0 {
		records[0].ResourceLogs().At(0).Resource().Attributes().PutStr("service.instance.id", "this-host")
	}
	if *update {
		require.NoError(r.t, golden.WriteMetricsToFile(wantMetrics, last, golden.SkipMetricTimestampNormalization()))
		if len(records) > 0 {
			require.NoError(r.t, golden.WriteLogsToFile(wantRecords, records[0]))
		}
	}
	want, err := golden.ReadMetrics(wantMetrics)
	require.NoError(r.t, err)
	require.NoError(r.t, pmetrictest.CompareMetrics(want, last, pmetrictest.IgnoreMetricDataPointsOrder()))
	if len(records) == 0 {
		require.NoFileExists(r.t, wantRecords)
		return
	}
	wantLogs, err := golden.ReadLogs(wantRecords)
	require.NoError(r.t, err)
	require.NoError(r.t, plogtest.CompareLogs(wantLogs, records[0]))
}
