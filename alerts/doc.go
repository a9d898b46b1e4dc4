// Package alerts holds what all parts of alerting share: the Notification that
// the engine hands over, and the Voice that says it. The engine, the rules and
// each voice have folders of their own below.
package alerts
