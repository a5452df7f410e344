package instrumentation_test

import (
	"os/exec"
	"strings"
	"testing"
)

// A service must be able to import these packages without inheriting the
// collector: its modules are large and release monthly.
func TestNoPackageHereDependsOnTheCollector(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("go list named %d packages, the check would be empty", len(deps))
	}
	const self = "github.com/ordertrace/ordertrace/"
	for _, dep := range deps {
		switch {
		case strings.HasPrefix(dep, "go.opentelemetry.io/collector"),
			strings.Contains(dep, "opentelemetry-collector"),
			strings.HasPrefix(dep, "google.golang.org/grpc"),
			strings.HasPrefix(dep, self) && !strings.HasPrefix(dep, self+"instrumentation"):
			t.Errorf("instrumentation depends on %s", dep)
		}
	}
}
