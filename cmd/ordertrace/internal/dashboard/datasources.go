package dashboard

import (
	"bytes"
	"cmp"
	"fmt"

	"gopkg.in/yaml.v3"
)

type provisioning struct {
	Version int          `yaml:"apiVersion"`
	Sources []datasource `yaml:"datasources"`
}

type datasource struct {
	Name string         `yaml:"name"`
	UID  string         `yaml:"uid"`
	Type string         `yaml:"type"`
	URL  string         `yaml:"url"`
	JSON map[string]any `yaml:"jsonData,omitempty"`
}

// Datasources writes Grafana's provisioning of Prometheus and Jaeger, in which an exemplar leads to its trace.
func Datasources(prometheus, jaeger string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# " + generated + "\n# For Grafana's conf/provisioning/datasources.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(provisioning{1, []datasource{
		{"Prometheus", "prometheus", "prometheus", prometheus, map[string]any{
			"exemplarTraceIdDestinations": []map[string]string{{"name": "trace_id", "datasourceUid": "jaeger"}},
		}},
		{"Jaeger", "jaeger", "jaeger", jaeger, nil},
	}})
	if err := cmp.Or(err, e.Close()); err != nil {
		return nil, fmt.Errorf("write Grafana's data sources: %w", err)
	}
	return b.Bytes(), nil
}
