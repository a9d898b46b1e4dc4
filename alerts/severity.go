package alerts

// The severities, as rules write them into the label severity.
const (
	Critical = "critical"
	Warning  = "warning"
	Info     = "info"
)

// Worst returns the worst severity among the alerts of n that fire, or among
// all when none does. An alert without a known severity counts as a warning:
// it must not hide.
func (n Notification) Worst() string {
	worst, firing := Info, n.Firing() > 0
	for _, a := range n.Alerts {
		if firing && a.Resolved() {
			continue
		}
		switch a.Severity() {
		case Critical:
			return Critical
		case Info:
		default:
			worst = Warning
		}
	}
	return worst
}

// AllUnwatched tells whether nothing fires and all ended because nobody
// watches any more, not because something was mended.
func (n Notification) AllUnwatched() bool {
	for _, a := range n.Alerts {
		if !a.Resolved() || !a.Unwatched {
			return false
		}
	}
	return true
}

// Mark is the sign that stands before a message.
func (n Notification) Mark() string {
	switch {
	case n.AllUnwatched():
		return "⚪"
	case n.Firing() == 0:
		return "🟢"
	case n.Worst() == Critical:
		return "🔴"
	case n.Worst() == Info:
		return "🔵"
	default:
		return "🟠"
	}
}
