package strict

import (
	"reflect"
	"strings"
)

// A Field is a key of a struct as the file writes it.
type Field struct {
	Key    string
	Struct reflect.StructField // Index leads to it from the outer struct
}

// Fields returns the keys of a struct type in their order, those of inlined
// structs among them.
func Fields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case strings.Contains(options, "inline"):
			for _, inner := range Fields(f.Type) {
				inner.Struct.Index = append([]int{i}, inner.Struct.Index...)
				fields = append(fields, inner)
			}
		default:
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			fields = append(fields, Field{Key: name, Struct: f})
		}
	}
	return fields
}

func keys(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Key
	}
	return names
}

// elsewhere finds the one place below a type where a key is known, so that a
// key at the wrong depth can be told where it belongs. It looks through
// structs and pointers only: in a list there would be no single place.
func elsewhere(root reflect.Type, key string) string {
	var found []string
	var look func(t reflect.Type, path string, depth int)
	look = func(t reflect.Type, path string, depth int) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || depth > 6 {
			return
		}
		for _, f := range Fields(t) {
			if f.Key == key && path != "" {
				found = append(found, path)
			}
			look(f.Struct.Type, join(path, f.Key), depth+1)
		}
	}
	look(root, "", 0)
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
