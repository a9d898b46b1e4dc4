package dashboards

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestProvision_hasTheCheckedInBytes and two files that lead Grafana to the
// hub and to them.
func TestProvision_hasTheCheckedInBytes(t *testing.T) {
	files, err := Provision(Site{Kinds: kinds(t), URL: "http://127.0.0.1:10617", Folder: "/srv/grafana"})
	if err != nil {
		t.Fatal(err)
	}
	text := map[string][]byte{}
	for _, f := range files {
		text[f.Name] = f.Text
		name, ok := strings.CutPrefix(f.Name, "dashboards/")
		if !ok {
			continue
		}
		have, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, f.Text) {
			t.Errorf("%s differs from the checked-in file", f.Name)
		}
	}
	var source struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct{ Type, URL, Access string }
	}
	if err := yaml.Unmarshal(text["provisioning/datasources/tocsin.yml"], &source); err != nil {
		t.Fatal(err)
	}
	if source.APIVersion != 1 || len(source.Datasources) != 1 || source.Datasources[0].Type != "prometheus" ||
		source.Datasources[0].URL != "http://127.0.0.1:10617" || source.Datasources[0].Access != "proxy" {
		t.Errorf("%+v", source)
	}
	var provider struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	if err := yaml.Unmarshal(text["provisioning/dashboards/tocsin.yml"], &provider); err != nil {
		t.Fatal(err)
	}
	if provider.APIVersion != 1 || len(provider.Providers) != 1 || provider.Providers[0].Type != "file" ||
		provider.Providers[0].Options.Path != "/srv/grafana/dashboards" {
		t.Errorf("%+v", provider)
	}
}
