package app

import (
	"tocsin/internal/web/status"
	"tocsin/updatewatch"
)

// followed tells how the projects that this instance follows stand.
func followed(all []updatewatch.Status) []status.Update {
	updates := make([]status.Update, len(all))
	for i := range all {
		s := &all[i]
		updates[i] = status.Update{
			Project: s.Name, Deployed: s.Deployed, NewestInLine: s.NewestInLine, Newest: s.Newest,
			Behind: s.Behind, BehindSince: s.BehindSince, NewLine: s.NewerLine, Security: s.Security, Advisories: s.Advisories,
			Link: s.URL, Asked: s.LastCheck, Read: s.LastOK, Reason: string(s.Reason), Detail: s.Error,
		}
	}
	return updates
}
