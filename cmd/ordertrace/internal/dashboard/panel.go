package dashboard

import "strconv"

const columns = 24

// page lays panels out from left to right, in rows.
type page struct {
	panels  []*Panel
	x, y, h int
}

// row starts a titled row.
func (p *page) row(title string) {
	p.wrap()
	open := false
	p.panels = append(p.panels, &Panel{Type: "row", Title: title, Grid: grid{0, p.y, columns, 1}, Collapsed: &open})
	p.y++
}

func (p *page) wrap() {
	p.x, p.y, p.h = 0, p.y+p.h, 0
}

// add puts a panel of that size beside the last one, or below.
func (p *page) add(w, h int, panels ...*Panel) {
	for _, panel := range panels {
		if p.x+w > columns {
			p.wrap()
		}
		panel.Grid = grid{p.x, p.y, w, h}
		p.x += w
		p.h = max(p.h, h)
		p.panels = append(p.panels, panel)
	}
}

// numbered gives panels and their queries the ids by which Grafana knows them.
func (p *page) numbered() []*Panel {
	for i, panel := range p.panels {
		panel.ID = i + 1
		for n := range panel.Targets {
			panel.Targets[n].Ref, panel.Targets[n].Source = refID(n), prometheus
		}
	}
	return p.panels
}

func refID(n int) string {
	if n < 26 {
		return string(rune('A' + n))
	}
	return "Q" + strconv.Itoa(n)
}

// query is an expression and the name of what it returns.
type query struct{ expr, legend string }

func panel(kind, title, description string, unit string, queries []query) *Panel {
	p := &Panel{
		Type: kind, Title: title, Description: description, Source: &prometheus,
		Field: &fieldConfig{Defaults: fieldDefaults{Unit: unit}, Overrides: []override{}}, Options: map[string]any{},
	}
	for _, q := range queries {
		p.Targets = append(p.Targets, Target{Expr: q.expr, Legend: q.legend, Range: true})
	}
	return p
}

// stat is a number now.
func stat(title, description, unit, expr string) *Panel {
	p := panel("stat", title, description, unit, []query{{expr: expr}})
	p.Targets[0].Instant, p.Targets[0].Range = true, false
	p.Options = map[string]any{"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}}, "colorMode": "value"}
	return p
}

// alarming colours a number from a value on; with falling, below it.
func (p *Panel) alarming(color string, from float64) *Panel {
	p.Field.Defaults.Thresholds = &thresholds{"absolute", []step{{"green", nil}, {color, &from}}}
	p.Options["colorMode"] = "background"
	return p
}

// poor colours a number below a value.
func (p *Panel) poor(below float64) *Panel {
	p.Field.Defaults.Thresholds = &thresholds{"absolute", []step{{"red", nil}, {"green", &below}}}
	p.Options["colorMode"] = "background"
	return p
}

// lines are numbers over time.
func lines(title, description, unit string, queries ...query) *Panel {
	return panel("timeseries", title, description, unit, queries)
}

func (p *Panel) stacked() *Panel {
	p.Field.Defaults.Custom = map[string]any{"stacking": map[string]string{"mode": "normal"}, "fillOpacity": 20}
	return p
}

// share says that the numbers lie between 0 and 1.
func (p *Panel) share() *Panel {
	least, most := 0.0, 1.0
	p.Field.Defaults.Unit, p.Field.Defaults.Min, p.Field.Defaults.Max = "percentunit", &least, &most
	return p
}

// exemplars shows the traces behind the numbers.
func (p *Panel) exemplars() *Panel {
	for i := range p.Targets {
		p.Targets[i].Exemplar = true
	}
	return p
}

// bars are numbers now, beside each other.
func bars(title, description, unit string, queries ...query) *Panel {
	p := panel("bargauge", title, description, unit, queries)
	for i := range p.Targets {
		p.Targets[i].Instant, p.Targets[i].Range = true, false
	}
	p.Options = map[string]any{
		"orientation": "horizontal", "displayMode": "gradient", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}},
	}
	return p
}

// heatmap shows how a native histogram changes over time, with the traces behind it.
func heatmap(title, description, expr string) *Panel {
	p := panel("heatmap", title, description, "", []query{{expr: expr}})
	p.Targets[0].Format, p.Targets[0].Exemplar = "heatmap", true
	p.Options = map[string]any{
		"calculate": false, "yAxis": map[string]any{"unit": "s"}, "exemplars": map[string]string{"color": "orange"},
		"color":   map[string]any{"mode": "scheme", "scheme": "Oranges", "steps": 64},
		"tooltip": map[string]any{"mode": "single", "yHistogram": true},
	}
	return p
}

// table lists series by their labels; columns says which, and what to call them.
func table(title, description, expr string, columns []column, sortBy string) *Panel {
	p := panel("table", title, description, "", []query{{expr: expr}})
	p.Targets[0].Format, p.Targets[0].Instant, p.Targets[0].Range = "table", true, false
	p.Options = map[string]any{"showHeader": true, "sortBy": []map[string]any{{"displayName": sortBy, "desc": true}}}
	index, names := map[string]int{}, map[string]string{}
	for i, c := range columns {
		index[c.label], names[c.label] = i, c.name
		var properties []property
		if c.unit != "" {
			properties = append(properties, property{"unit", c.unit})
		}
		if c.url != "" {
			properties = append(properties, property{"links", []link{{Title: c.link, URL: c.url, TargetBlank: true}}})
		}
		if properties != nil {
			p.Field.Overrides = append(p.Field.Overrides, override{map[string]string{"id": "byName", "options": c.name}, properties})
		}
	}
	p.Transformations = []map[string]any{{"id": "organize", "options": map[string]any{
		"excludeByName": map[string]bool{"Time": true, "__name__": true, "job": true, "instance": true},
		"indexByName":   index, "renameByName": names,
	}}}
	return p
}

// column of a table: a label, or Value, and what to show it as.
type column struct{ label, name, unit, link, url string }
