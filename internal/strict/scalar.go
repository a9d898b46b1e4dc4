package strict

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/secret"
)

// text reads a scalar into a type that parses its own text.
func (d *decoder) text(n *yaml.Node, into encoding.TextUnmarshaler, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fault(n, path, "must be a single value; it is %s", inWords(n))
		return
	}
	err := into.UnmarshalText([]byte(n.Value))
	if err == nil {
		return
	}
	switch into.(type) {
	case *secret.Text:
		d.fault(n, path, "cannot be read")
	case *model.Duration:
		d.fault(n, path, "%s is no duration; write a number with its unit, as 30s, 5m, 12h or 100d", quoted(n))
	default:
		d.fault(n, path, "%v", err)
	}
}

// scalar reads text, a truth value or a number.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fault(n, path, "must be %s; it is %s", wanted(v.Kind()), inWords(n))
		return
	}
	ok := true
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		var b bool
		b, ok = truth(n)
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		v.SetInt(i)
		ok = err == nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		i, err := strconv.ParseUint(n.Value, 10, v.Type().Bits())
		v.SetUint(i)
		ok = err == nil
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, v.Type().Bits())
		v.SetFloat(f)
		ok = err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	default:
		d.fault(n, path, "cannot be set: the type %s has no text form (this is a fault of Tocsin, please report it)", v.Type())
		return
	}
	if !ok {
		v.SetZero()
		d.fault(n, path, "must be %s; it is %s", wanted(v.Kind()), quoted(n))
	}
}

// truth reads the words that administrators use for true and false.
func truth(n *yaml.Node) (value, ok bool) {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return false, false
	}
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number, as 5 or 0.95"
	default:
		return "a whole number"
	}
}

// quoted repeats a scalar where no secret is expected. A secret can still end
// up there by a slip, so what is long or looks like a URL is not repeated.
func quoted(n *yaml.Node) string {
	if len(n.Value) > 24 || strings.ContainsAny(n.Value, ":/@\n") {
		return "other text"
	}
	return strconv.Quote(n.Value)
}

// inWords says what shape stands in the file, never its content.
func inWords(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "a single value"
	}
}

// isNull tells a value that was left out: "key:" with nothing after it, ~ or null.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0
}
