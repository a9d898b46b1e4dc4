package app

import (
	"tocsin/internal/web/status"
	"tocsin/updatewatch"
)

// followed tells how the projects that this instance follows stand, one after
// another for each that is deployed.
func followed(all []updatewatch.Status) []status.Update {
	var updates []status.Update
	for i := range all {
		s := &all[i]
		for j := range s.Deployments {
			d := &s.Deployments[j]
			u := status.Update{
				Project: s.Name, Deployed: d.Version, NewestInLine: d.NewestInLine, Newest: s.Newest,
				Behind: d.Behind, BehindSince: d.BehindSince, NewLine: d.NewerLine, Security: d.Security(), Advisories: d.Advisories,
				Link: d.Link(), Asked: s.LastCheck, Read: s.LastOK, Reason: string(s.Reason), Detail: s.Error,
			}
			if len(s.Deployments) > 1 {
				u.Project = deploymentName(s.Name, d.From)
			}
			updates = append(updates, u)
		}
	}
	return updates
}

// deploymentName tells the deployments of one project apart.
func deploymentName(project, from string) string { return project + " (" + from + ")" }
