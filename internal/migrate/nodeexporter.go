package migrate

import (
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"

	"tocsin/exporters/host"
	"tocsin/internal/migrate/foreign"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// NodeExporter makes a site file of node_exporter's command line: the flags as
// they are typed, or the unit, or the environment file, that has them. name is
// the file's; empty for what was typed.
func NodeExporter(name string, data []byte, read Reader) (*Result, error) {
	if len(data) > maxFile {
		return nil, foreign.Fault(name, 0, "is larger than 1 MiB; give the flags alone")
	}
	n := &nodeExporter{file: name, read: read, byKey: map[string]int{}}
	if name == "" {
		name = "the command line"
	}
	words, err := foreign.Commands(name, string(data))
	if err != nil {
		return nil, err
	}
	if len(words) == 0 && !foreign.IsEnvironment(string(data)) && strings.TrimSpace(string(data)) != "" {
		return nil, foreign.Fault(name, 1, "has no flags, which begin with --")
	}
	n.take(words)
	return n.result()
}

// nodeExporter is a command line on its way into a site file.
type nodeExporter struct {
	report
	file     string
	read     Reader
	listen   string
	web      *mapping
	only     bool     // --collector.disable-defaults
	on, off  []string // collectors that were named
	settings []setting
	byKey    map[string]int // where in settings
}

// A setting is one key below host:, and the flag that it comes from.
type setting struct {
	key, flag, place string
	value            any // string, []string or bool
}

// take reads the words as kingpin does: --flag=value, --flag value, --no-flag.
//
// Source: alecthomas/kingpin, parser.go.
func (n *nodeExporter) take(words []foreign.Word) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		name, value, hasValue := strings.Cut(strings.TrimLeft(w.Text, "-"), "=")
		if !strings.HasPrefix(w.Text, "--") || name == "" {
			n.losef(n.place(w), "a word", "is no flag of node_exporter and is not repeated here; each flag begins with -- (a variable as $ARGS stands for a file that has to be given by itself)")
			continue
		}
		flag, negated := name, false
		if positive, ok := strings.CutPrefix(name, "no-"); ok {
			flag, negated = positive, true
		}
		if hasValue && (value == "true" || value == "false") && n.alone(flag) {
			negated = negated != (value == "false")
		}
		if !hasValue && !negated && !n.alone(flag) && i+1 < len(words) && !strings.HasPrefix(words[i+1].Text, "-") {
			i++
			value = words[i].Text
		}
		n.flag(n.place(w), flag, value, negated)
	}
}

func (n *nodeExporter) place(w foreign.Word) string {
	if n.file == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", n.file, w.Line)
}

// alone tells whether a flag takes no value.
func (n *nodeExporter) alone(flag string) bool {
	if f, ok := nodeFlags[flag]; ok {
		return f.form == truth || f.form == untruth || f.form == dropped1 || f.form == harmless || flag == "collector.disable-defaults"
	}
	return collectorOf(flag) != ""
}

// collectorOf returns the collector that a flag turns on.
func collectorOf(flag string) string {
	name, ok := strings.CutPrefix(flag, "collector.")
	if !ok || strings.Contains(name, ".") {
		return ""
	}
	return name
}

func (n *nodeExporter) flag(place, flag, value string, negated bool) {
	known, ok := nodeFlags[flag]
	shown := "--" + flag
	if negated {
		shown = "--no-" + flag
	}
	switch collector := collectorOf(flag); {
	case flag == "collector.disable-defaults":
		n.only = !negated
	case !ok && collector != "":
		n.collector(place, shown, collector, negated)
	case !ok && !negated && strings.HasPrefix(flag, "collector.") && nodeCollectors[parent(flag)] != "":
		n.losef(place, shown, "%s", nodeCollectors[parent(flag)])
	case !ok:
		n.losef(place, shown, "is no flag of node_exporter 1.12 that tocsin migrate knows; node_exporter --help says what it does, docs/configuration.md whether Tocsin has the like")
	case flag == "web.listen-address":
		n.listenAt(place, value)
	case flag == "web.config" || flag == "web.config.file":
		n.webConfig(place, value)
	case flag == "web.telemetry-path":
		if value != "/metrics" {
			n.losef(place, shown, "Tocsin's page is /metrics; write metrics_path: /metrics where it is scraped")
		}
	case known.form == harmless:
	case known.form == dropped, known.form == dropped1:
		n.losef(place, shown, "%s", known.lost)
	default:
		n.set(place, shown, known, value, negated)
	}
}

// parent is the collector of a flag about it.
func parent(flag string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(flag, "collector."), ".")
	return name
}

func (n *nodeExporter) collector(place, shown, name string, negated bool) {
	exists := slices.Contains(host.Names(), name)
	switch why := nodeCollectors[name]; {
	case exists && negated:
		n.off = append(n.off, name)
	case exists:
		n.on = append(n.on, name)
	case negated: // it is not there either
	case why != "":
		n.losef(place, shown, "%s", why)
	default:
		n.losef(place, shown, "Tocsin has no collector of this name; docs/metrics.md has what it sends")
	}
}

func (n *nodeExporter) listenAt(place, address string) {
	ip, _, err := net.SplitHostPort(address)
	switch {
	case err != nil, ip != "" && ip != "localhost" && net.ParseIP(ip) == nil:
		n.losef(place, "--web.listen-address", "is no IP address and port; write listen: 0.0.0.0:9100, or the address of one of the machine's interfaces")
	case n.listen != "" && n.listen != address:
		n.losef(place, "--web.listen-address", "Tocsin listens at one address, here the first; write listen: with a port alone to be reached at all of them")
	default:
		n.listen = address
	}
}

// set notes what a flag says, in the form of the site file.
func (n *nodeExporter) set(place, shown string, known nodeFlag, text1 string, negated bool) {
	var value any = strings.ReplaceAll(text1, "$$", "$") // as systemd wants a $ written
	switch known.form {
	case truth, untruth:
		if negated != (known.form == untruth) {
			return // as in Tocsin
		}
		value = true
	case list:
		if i, ok := n.byKey[known.key]; ok {
			n.settings[i].value = append(n.settings[i].value.([]string), text1)
			return
		}
		value = []string{text1}
	case anchored:
		value = "^(?:" + value.(string) + ")$"
	default:
		if text1 == "" && strings.HasSuffix(known.key, ".exclude") {
			value = "^$" // nothing; an empty text would mean Tocsin's default
		} else if text1 == "" {
			return
		}
	}
	if i, ok := n.byKey[known.key]; ok {
		if n.settings[i].value != value {
			n.losef(place, shown, "%s stands for %s in host.%s; write one expression there that suits both", n.settings[i].flag, shown, known.key)
		}
		return
	}
	n.byKey[known.key] = len(n.settings)
	n.settings = append(n.settings, setting{key: known.key, flag: shown, place: place, value: value})
}

// result writes what was gathered.
func (n *nodeExporter) result() (*Result, error) {
	if i, ok := n.byKey["systemd.units.include"]; ok {
		if _, excludes := n.byKey["systemd.units.exclude"]; !excludes { // node_exporter keeps its default beside an include, Tocsin does not
			n.settings = append(n.settings, setting{key: "systemd.units.exclude", flag: n.settings[i].flag, value: `^.+\.(automount|device|mount|scope|slice)$`})
		}
	}
	n.prove()
	site, section := newMapping(), newMapping()
	if n.listen == "" {
		n.listen = ":9100"
	}
	site.set("listen", n.listen, "As node_exporter, which has to be stopped first. Others then ask here as before.")
	site.set("engine", "off", "This machine only measures, as node_exporter did. Without this line it also",
		"judges and alerts; then it needs no Prometheus.")
	if n.web != nil {
		site.set("web", n.web)
	}
	n.collectors(section)
	n.write(section)
	if !section.empty() {
		site.set("host", section)
	}
	return n.finish(site,
		"What node_exporter's flags say, as a site file of Tocsin.",
		"Put it to /etc/tocsin/tocsin.yml and prove it: tocsin check")
}

// selection is what the flags choose among the collectors that Tocsin has.
func (n *nodeExporter) selection() host.Selection {
	on, off := slices.Clone(n.on), slices.Clone(n.off)
	slices.Sort(on)
	slices.Sort(off)
	on = slices.DeleteFunc(slices.Compact(on), func(name string) bool {
		return slices.Contains(off, name) || !n.only && host.ByDefault(name)
	})
	if n.only {
		return host.Selection{Only: on}
	}
	off = slices.DeleteFunc(slices.Compact(off), func(name string) bool { return !host.ByDefault(name) })
	return host.Selection{On: on, Off: off}
}

func (n *nodeExporter) collectors(section *mapping) {
	choice, chosen := newMapping(), n.selection()
	if n.only {
		if len(chosen.Only) == 0 {
			n.losef("", "--collector.disable-defaults", "no collector is left that Tocsin has; the site file has all of its default ones. Write collectors: {only: [...]} below host")
			return
		}
		choice.set("only", chosen.Only)
		section.set("collectors", choice.inline(), "No others, as before; not Tocsin's own either (units, storage, packages, ...).")
		return
	}
	if len(chosen.On) > 0 {
		choice.set("on", chosen.On)
	}
	if len(chosen.Off) > 0 {
		choice.set("off", chosen.Off)
	}
	if !choice.empty() {
		section.set("collectors", choice.inline())
	}
}

// write puts the settings below host:, in the order of the flags.
func (n *nodeExporter) write(section *mapping) {
	below := map[string]*mapping{"": section}
	for _, s := range n.settings {
		path, key := "", s.key
		for top, rest, deeper := strings.Cut(key, "."); deeper; top, rest, deeper = strings.Cut(key, ".") {
			outer := below[path]
			path, key = strings.TrimPrefix(path+"."+top, "."), rest
			if below[path] == nil {
				below[path] = newMapping()
				var comment []string
				if path == "interfaces" {
					comment = []string{"One filter for arp, ethtool, netclass, netdev, qdisc and wifi."}
				}
				outer.set(top, below[path], comment...)
			}
		}
		below[path].set(key, s.value)
	}
}

// prove drops what equals Tocsin's default, and what it would refuse.
func (n *nodeExporter) prove() {
	section := newMapping()
	n.write(section)
	text, err := section.text()
	if err != nil {
		return
	}
	var cfg, defaults host.Config
	_, faults := strict.Decode(text, &cfg)
	cfg.Collectors = n.selection()
	cfg.SetDefaults()
	defaults.SetDefaults()
	found := problem.New()
	cfg.Validate(found)
	wrong := map[string]string{}
	for _, f := range faults {
		wrong[f.Path] = f.Text
	}
	for _, p := range found.All() {
		wrong[p.Path] = p.Text
	}
	n.settings = slices.DeleteFunc(n.settings, func(s setting) bool {
		for _, path := range slices.Sorted(maps.Keys(wrong)) {
			if path == s.key || strings.HasPrefix(path, s.key+"[") || strings.HasPrefix(s.key, path+".") {
				n.losef(s.place, s.flag, "%s", wrong[path])
				return true
			}
		}
		return s.value == valueAt(reflect.ValueOf(defaults), s.key) && !(strings.HasSuffix(s.key, ".exclude") && n.has(strings.TrimSuffix(s.key, "exclude")+"include"))
	})
}

func (n *nodeExporter) has(key string) bool {
	_, ok := n.byKey[key]
	return ok
}

// valueAt returns the text or truth at a key of a configuration.
func valueAt(v reflect.Value, key string) any {
	top, rest, deeper := strings.Cut(key, ".")
	for _, f := range strict.Fields(v.Type()) {
		if f.Key != top {
			continue
		}
		inner := v.FieldByIndex(f.Struct.Index)
		if deeper {
			return valueAt(inner, rest)
		}
		if inner.Kind() == reflect.String {
			return inner.String()
		}
	}
	return nil
}
