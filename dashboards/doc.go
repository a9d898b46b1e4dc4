// Package dashboards draws the Grafana dashboards of a site, and writes them
// with the files by which Grafana provisions them. The dashboards are checked
// in beside the code as Grafana reads them; go test ./dashboards -update
// writes them anew.
//
// They are in the classic JSON model, because file provisioning of Grafana 9
// to 13 reads no other, and written by small types of our own. Numbers that
// turn a panel orange or red are those of the alert rules, read from
// alerts/rules, so that a colour and an alert always agree.
//
// It is not for querying, nor for anything that runs while a site is watched:
// what a panel asks, Grafana asks the hub or another Prometheus.
package dashboards
