package domainprobe

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Registries is IANA's list: the RDAP servers by the ends of domains.
type registries map[string]string

// parseRegistries reads the list (RFC 9224, sections 3 and 4).
func parseRegistries(body []byte) (registries, error) {
	var list struct {
		Version  string       `json:"version"`
		Services [][][]string `json:"services"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the list of registries is none: %w", err)
	}
	if list.Version != "1.0" {
		return nil, fmt.Errorf("the list of registries has version %q, and only 1.0 is known here", list.Version)
	}
	found := registries{}
	for _, service := range list.Services {
		if len(service) != 2 {
			continue
		}
		if server := chooseServer(service[1]); server != "" {
			for _, end := range service[0] {
				found[strings.ToLower(strings.Trim(end, "."))] = server
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the list of registries names none")
	}
	return found, nil
}

// chooseServer takes the first server with TLS, or else the first.
func chooseServer(servers []string) string {
	other := ""
	for _, s := range servers {
		u, ok := webAddress(s)
		switch {
		case ok && u.Scheme == "https":
			return s
		case ok && other == "":
			other = s
		}
	}
	return other
}

// server returns the server for a domain: that of the longest end that the
// list has; empty for none.
func (r registries) server(domain string) string {
	for end := domain; end != ""; {
		if server, ok := r[end]; ok {
			return server
		}
		_, end, _ = strings.Cut(end, ".")
	}
	return ""
}
