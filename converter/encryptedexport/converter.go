package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/policy"
)

// NewFactory returns the factory that ocb's `converters:` expects.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(newConverter)
}

// converter judges configurations. It has no state beyond the policy that it read when the collector started.
type converter struct {
	logger    *zap.Logger
	policy    policy.Policy
	policyErr error // kept until Convert, because a factory cannot refuse
	getenv    func(string) string
	now       func() time.Time
}

func newConverter(set confmap.ConverterSettings) confmap.Converter {
	c := &converter{logger: set.Logger, getenv: os.Getenv, now: time.Now}
	if c.logger == nil {
		c.logger = zap.NewNop()
	}
	c.policy, c.policyErr = policy.Load(c.getenv)
	return c
}

// Convert returns an error that names every problem, or nil; it never changes the configuration.
func (c *converter) Convert(_ context.Context, conf *confmap.Conf) error {
	if c.policyErr != nil {
		return c.policyErr
	}
	findings := c.judge(conf)
	for _, f := range findings {
		if f.Warning {
			c.logger.Warn("export policy: "+f.Why, zap.String("key", f.Key), zap.String("value", f.Value),
				zap.String("rule", string(f.Rule)), zap.String("remedy", f.Remedy))
		}
	}
	if err := findings.Err(); err != nil {
		return fmt.Errorf("encrypted export: this configuration would send telemetry in clear or cannot be judged:\n%w", err)
	}
	return nil
}

// policyFile tells an administrator where to relax a rule.
func (c *converter) policyFile() string {
	return fmt.Sprintf("the export policy, %s (%s names another file)", policy.Path(c.getenv), policy.PathVariable)
}

// judge runs every judge over the whole configuration, so that all problems are named at once.
func (c *converter) judge(conf *confmap.Conf) finding.List {
	var findings finding.List
	exporters, problems := judgedExporters(conf)
	findings = append(findings, problems...)
	for _, e := range exporters {
		found := c.judgeExporter(e)
		findings = append(findings, c.excuse(e.key, c.soften(e, found))...)
	}
	var service finding.List
	guarded(&service, telemetryKey, func() { c.judgeTelemetry(conf, &service) })
	findings = append(findings, c.excuse(telemetryKey, service)...)
	judgeDoors(conf.ToStringMap(), &findings)
	c.judgeStorages(conf.ToStringMap(), &findings)
	c.judgeBroadcasts(conf.ToStringMap(), &findings)
	return findings
}

// soften turns refusals of an exporter that no pipeline uses into warnings: the collector never builds it. A reload
// that starts to use it is judged anew.
func (c *converter) soften(e exporterSection, found finding.List) finding.List {
	if e.used {
		return found
	}
	for i := range found {
		if !found[i].Warning {
			found[i].Warning = true
			found[i].Why += "; no pipeline uses this exporter, it would be refused"
		}
	}
	return found
}

// excuse applies the administrator's exceptions.
func (c *converter) excuse(exporter string, found finding.List) finding.List {
	for i, f := range found {
		if f.Warning {
			continue
		}
		if reason, ok := c.policy.Excused(exporter, f.Rule, c.now()); ok {
			found[i].Warning = true
			found[i].Why += "; tolerated by the export policy: " + reason
		}
	}
	return found
}

// guarded turns a panic into a refusal: decoders of other projects see maps here that nobody tested them with.
func guarded(findings *finding.List, key string, judge func()) {
	defer func() {
		if r := recover(); r != nil {
			findings.Refuse(finding.Undecodable, key, "", fmt.Sprintf("decoding it panicked: %v", r), "correct this section")
		}
	}()
	judge()
}

// answer files a finding whose weight the policy decides.
func answer(findings *finding.List, a policy.Answer, rule finding.Rule, key, value, why, remedy string) {
	switch a {
	case policy.Allow:
	case policy.Warn:
		findings.Warn(rule, key, value, why, remedy)
	default:
		findings.Refuse(rule, key, value, why, remedy)
	}
}
