// Package unit finds durations of a configuration that were written without a unit, or with one that does not exist.
// `deadline: 600` would be 600 nanoseconds to the decoder, which nobody means.
package unit

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

var duration = reflect.TypeFor[time.Duration]()

// Missing returns an error for each bare number other than 0, and each text that is no duration, that stands in raw where
// config, a struct or a pointer to one whose fields have mapstructure tags, wants a time.Duration. Keys are told as paths from
// config, such as flows::order::transitions::0::deadline. Nil: all have units.
func Missing(raw map[string]any, config any) error {
	var errs []error
	look(raw, reflect.TypeOf(config), "", func(path string, value any) {
		if text, ok := value.(string); ok {
			errs = append(errs, fmt.Errorf("%s: %q is no duration: write it as 90s, 10m or 72h, and days in hours", path, text))
			return
		}
		errs = append(errs, fmt.Errorf("%s: %v: a duration needs a unit: write %vs, %vm or %vh", path, value, value, value, value))
	})
	return errors.Join(errs...)
}

func look(raw any, t reflect.Type, path string, found func(string, any)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == duration {
		text, ok := raw.(string)
		if _, err := time.ParseDuration(text); bare(raw) || ok && text != "" && err != nil {
			found(path, raw)
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if get, ok := reflect.PointerTo(t).MethodByName("Get"); ok && get.Type.NumIn() == 1 && get.Type.NumOut() == 1 { // an optional section
			look(raw, get.Type.Out(0), path, found)
		} else if m, ok := raw.(map[string]any); ok {
			fields(m, t, path, found)
		}
	case reflect.Map:
		m, _ := raw.(map[string]any)
		for _, key := range sorted(m) {
			look(m[key], t.Elem(), join(path, key), found)
		}
	case reflect.Slice, reflect.Array:
		list, _ := raw.([]any)
		for i, v := range list {
			look(v, t.Elem(), join(path, fmt.Sprint(i)), found)
		}
	}
}

func fields(m map[string]any, t reflect.Type, path string, found func(string, any)) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		switch {
		case strings.Contains(options, "squash"):
			look(m, f.Type, path, found)
		case name != "" && name != "-":
			if v, ok := m[name]; ok {
				look(v, f.Type, join(path, name), found)
			}
		}
	}
}

// bare says that a value is a number that is no duration; 0 needs no unit.
func bare(v any) bool {
	if _, ok := v.(time.Duration); ok || v == nil {
		return false
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return !r.IsZero()
	}
	return false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "::" + key
}

func sorted(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
