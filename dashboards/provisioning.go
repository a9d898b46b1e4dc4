package dashboards

import (
	"fmt"
	"path"

	"go.yaml.in/yaml/v3"

	"tocsin/bricks"
)

// Site is what Grafana must know of a site.
type Site struct {
	// Kinds are the kinds whose dashboards are wanted, beside those that every
	// site has.
	Kinds []bricks.Kind
	// URL is where the hub answers, or a Prometheus in its place.
	URL string
	// Folder is the absolute path under which Grafana finds what Provision
	// returns.
	Folder string
}

// Where the files lie in the folder.
const (
	boardsFolder = "dashboards"
	sourceFile   = "provisioning/datasources/tocsin.yml"
	providerFile = "provisioning/dashboards/tocsin.yml"
)

// Provision returns the dashboards, in the folder dashboards, and in the folder
// provisioning the two files by which Grafana finds the hub and them. Names
// have slashes.
func Provision(s Site) ([]File, error) {
	files, err := Files(s.Kinds)
	if err != nil {
		return nil, err
	}
	for i := range files {
		files[i].Name = path.Join(boardsFolder, files[i].Name)
	}
	for _, f := range []struct {
		name, comment string
		content       any
	}{
		{sourceFile, "# The hub as a data source. A hub that asks who one is wants basicAuth, basicAuthUser and\n" +
			"# secureJsonData.basicAuthPassword here too.\n", s.source()},
		{providerFile, "# The dashboards of Tocsin, which Grafana reads again as they change.\n", s.provider()},
	} {
		text, err := yaml.Marshal(f.content)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
		files = append(files, File{Name: f.name, Text: append([]byte(f.comment), text...)})
	}
	return files, nil
}

// The keys of Grafana's provisioning files.
//
// Source: Grafana documentation, "Provision Grafana".
type (
	sources struct {
		APIVersion  int          `yaml:"apiVersion"`
		Datasources []datasource `yaml:"datasources"`
	}
	datasource struct {
		Name     string         `yaml:"name"`
		UID      string         `yaml:"uid"`
		Type     string         `yaml:"type"`
		Access   string         `yaml:"access"`
		URL      string         `yaml:"url"`
		JSONData map[string]any `yaml:"jsonData"`
	}
	providers struct {
		APIVersion int        `yaml:"apiVersion"`
		Providers  []provider `yaml:"providers"`
	}
	provider struct {
		Name           string            `yaml:"name"`
		Folder         string            `yaml:"folder"`
		Type           string            `yaml:"type"`
		AllowUIUpdates bool              `yaml:"allowUiUpdates"`
		Options        map[string]string `yaml:"options"`
	}
)

func (s Site) source() sources {
	return sources{APIVersion: 1, Datasources: []datasource{{
		Name: "Tocsin", UID: "tocsin", Type: "prometheus", Access: "proxy", URL: s.URL,
		// The hub's slowest common interval but that of probes, which have no
		// rates: $__rate_interval is made of it.
		JSONData: map[string]any{"httpMethod": "POST", "timeInterval": "15s"},
	}}}
}

func (s Site) provider() providers {
	return providers{APIVersion: 1, Providers: []provider{{
		Name: "tocsin", Folder: "Tocsin", Type: "file",
		Options: map[string]string{"path": path.Join(s.Folder, boardsFolder)},
	}}}
}
