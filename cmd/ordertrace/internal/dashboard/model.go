// Package dashboard makes Grafana dashboards of what is promised. The model holds what these dashboards use of Grafana's
// JSON, no more: its SDK for Go is 270,000 generated lines.
package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Dashboard is Grafana's JSON model, version 39 of its schema.
type Dashboard struct {
	UID         string      `json:"uid"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Tags        []string    `json:"tags"`
	Schema      int         `json:"schemaVersion"`
	Editable    bool        `json:"editable"`
	Refresh     string      `json:"refresh"`
	Timezone    string      `json:"timezone"`
	Time        timeRange   `json:"time"`
	Links       []link      `json:"links"`
	Variables   variables   `json:"templating"`
	Annotations annotations `json:"annotations"`
	Panels      []*Panel    `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	URL         string   `json:"url,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	IncludeVars bool     `json:"includeVars,omitempty"`
	KeepTime    bool     `json:"keepTime,omitempty"`
	TargetBlank bool     `json:"targetBlank,omitempty"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

var prometheus = source{"prometheus", "${datasource}"}

type variables struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string         `json:"name"`
	Label      string         `json:"label"`
	Type       string         `json:"type"`
	Query      any            `json:"query"`
	Source     *source        `json:"datasource,omitempty"`
	Refresh    int            `json:"refresh,omitempty"`
	IncludeAll bool           `json:"includeAll,omitempty"`
	Multi      bool           `json:"multi,omitempty"`
	AllValue   string         `json:"allValue,omitempty"`
	Current    map[string]any `json:"current,omitempty"`
}

type annotations struct {
	List []annotation `json:"list"`
}

type annotation struct {
	Name   string `json:"name"`
	Source source `json:"datasource"`
	Enable bool   `json:"enable"`
	Color  string `json:"iconColor"`
	Expr   string `json:"expr"`
	Title  string `json:"titleFormat"`
}

// Panel is a visualisation of some queries.
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	Source          *source          `json:"datasource,omitempty"`
	Grid            grid             `json:"gridPos"`
	Targets         []Target         `json:"targets,omitempty"`
	Field           *fieldConfig     `json:"fieldConfig,omitempty"`
	Options         map[string]any   `json:"options,omitempty"`
	Transformations []map[string]any `json:"transformations,omitempty"`
	Collapsed       *bool            `json:"collapsed,omitempty"`
}

type grid struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// Target is one query of a panel.
type Target struct {
	Ref      string `json:"refId"`
	Source   source `json:"datasource"`
	Expr     string `json:"expr"`
	Legend   string `json:"legendFormat,omitempty"`
	Format   string `json:"format,omitempty"`
	Instant  bool   `json:"instant,omitempty"`
	Range    bool   `json:"range,omitempty"`
	Exemplar bool   `json:"exemplar,omitempty"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []override    `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string         `json:"unit,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	Thresholds *thresholds    `json:"thresholds,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

type override struct {
	Matcher    map[string]string `json:"matcher"`
	Properties []property        `json:"properties"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// JSON writes the dashboard as Grafana imports it.
func (d *Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("write dashboard %q: %w", d.Title, err)
	}
	return b.Bytes(), nil
}
