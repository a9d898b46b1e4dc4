package host

import (
	"strings"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
)

// Sysctl names kernel parameters that are sent, as net.ipv4.tcp_rmem. One with
// several values has a series for each, with the label index, or, where names
// are given for them (net.ipv4.tcp_rmem:min,default,max), a metric for each.
type Sysctl struct {
	Numbers []string `yaml:"numbers"` // as numbers
	Texts   []string `yaml:"texts"`   // as texts, in a label
}

var sysctlName = lazy.Regexp(`^[a-zA-Z0-9_][a-zA-Z0-9_.@/-]*(:[a-zA-Z0-9_]+(,[a-zA-Z0-9_]+)*)?$`)

func (c Sysctl) validate(p problem.List) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"numbers", c.Numbers}, {"texts", c.Texts}} {
		for i, name := range list.names {
			switch {
			case !sysctlName().MatchString(name) || strings.Contains(name, ".."):
				p.At(list.key).Index(i).Addf("%q is no kernel parameter; write it as net.ipv4.tcp_rmem or net.ipv4.tcp_rmem:min,default,max", name)
			case list.key == "texts" && strings.Contains(name, ":"):
				p.At(list.key).Index(i).Addf("texts have no names of their own; write %s", strings.SplitN(name, ":", 2)[0])
			}
		}
	}
}
