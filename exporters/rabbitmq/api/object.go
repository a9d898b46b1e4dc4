package api

import (
	"bytes"
	"encoding/json"
)

// An Object is an object of the management API whose keys are read by name.
// Those of inner objects are named by the way to them, as message_stats.ack;
// lists are left out. What the broker leaves out, or writes as null or as a
// word where a number belongs ("undefined", "NaN"), is not there.
type Object struct {
	numbers map[string]float64
	texts   map[string]string
}

// Number returns a number; a truth is 1 or 0.
func (o *Object) Number(key string) (float64, bool) {
	v, ok := o.numbers[key]
	return v, ok
}

// Text returns a text, or nothing.
func (o *Object) Text(key string) string { return o.texts[key] }

// UnmarshalJSON implements json.Unmarshaler.
func (o *Object) UnmarshalJSON(b []byte) error {
	o.numbers, o.texts = make(map[string]float64, 32), make(map[string]string, 8)
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return err // nothing is known of it
	}
	return o.read(d, "")
}

// read reads an object to its end.
func (o *Object) read(d *json.Decoder, path string) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		key = path + key
		if token, err = d.Token(); err != nil {
			return err
		}
		switch v := token.(type) {
		case float64:
			o.numbers[key] = v
		case bool:
			o.numbers[key] = 0
			if v {
				o.numbers[key] = 1
			}
		case string:
			o.texts[key] = v
		case json.Delim:
			if v == '{' {
				err = o.read(d, key+".")
			} else {
				err = skip(d)
			}
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// skip reads a list to its end.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}
