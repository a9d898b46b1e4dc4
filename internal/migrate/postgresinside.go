package migrate

import (
	"regexp"
	"strings"
)

// inside is what postgres_exporter was told about the insides of its servers:
// queries of one's own, and databases beyond the DSN's.
type inside struct {
	queries          string
	discover         bool
	include, exclude []string
}

// insideVariables are the variables of the flags that take knows.
var insideVariables = map[string]string{
	"PG_EXPORTER_EXTEND_QUERY_PATH":       "extend.query-path",
	"PG_EXPORTER_AUTO_DISCOVER_DATABASES": "auto-discover-databases",
	"PG_EXPORTER_EXCLUDE_DATABASES":       "exclude-databases",
	"PG_EXPORTER_INCLUDE_DATABASES":       "include-databases",
}

// take notes a flag, if it is one of these.
func (i *inside) take(flag, value string) bool {
	list := func() (names []string) {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		return names
	}
	switch flag {
	case "extend.query-path":
		i.queries = value
	case "auto-discover-databases":
		i.discover = value != "false"
	case "no-auto-discover-databases":
		i.discover = false
	case "exclude-databases":
		i.exclude = list()
	case "include-databases":
		i.include = list()
	default:
		return false
	}
	return true
}

// write adds it to a server. What only mattered with auto-discover-databases is
// left out without: all databases are walked through anyway.
func (i *inside) write(server *mapping) {
	if i.discover && len(i.include)+len(i.exclude) > 0 {
		databases := newMapping().inline()
		databases.setText("include", oneOf(i.include))
		databases.setText("exclude", oneOf(i.exclude))
		server.set("databases", databases)
	}
	if i.queries == "" {
		return
	}
	server.set("queries_files", []string{i.queries}, "A file of the old program: tocsin must be able to read it. What Tocsin tells by itself is left out; tocsin check says what.")
	if i.discover {
		choice := "."
		if len(i.include) > 0 {
			choice = oneOf(i.include)
		}
		server.set("queries_databases", choice)
	}
}

// oneOf is the expression for some names, and no others.
func oneOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return "^(" + strings.Join(quoted, "|") + ")$"
}
