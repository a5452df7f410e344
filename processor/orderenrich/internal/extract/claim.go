package extract

import "fmt"

// list is one field of a rule with names of what is read.
type list struct {
	field string
	names []string
}

func (r *Rule) lists() []list {
	out := []list{
		{"attributes", r.Attributes}, {"headers", r.Headers}, {"query", r.Query}, {"baggage", r.Baggage}, {"sql_parameters", r.Parameters},
	}
	for i, t := range r.Tables {
		out = append(out, list{fmt.Sprintf("tables::%d::attributes", i), t.Attributes})
	}
	return out
}

// Contested finds what two rules would both take for their value. References in tables are no values: of one reference the
// order and the session may be known.
func Contested(rules []Rule) (errs []error) {
	owner := map[string]string{} // by field and folded name
	for _, r := range rules {
		owner["attributes "+fold(r.Name)] = r.Name
	}
	for _, r := range rules {
		for _, l := range r.lists()[:5] {
			for _, name := range l.names {
				other := ""
				for _, s := range spellings(name) {
					key := l.field + " " + s
					if o, taken := owner[key]; taken && o != r.Name {
						other = o
					} else {
						owner[key] = r.Name
					}
				}
				if other != "" {
					errs = append(errs, fmt.Errorf("%s::%s: %q is read as %s already; remove it from one of them", r.Name, l.field, name, other))
				}
			}
		}
	}
	return errs
}
