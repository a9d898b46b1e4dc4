// Package engine is the inner monitoring system of a hub: Prometheus' scraping,
// storage and rules, and Alertmanager's pipeline, in this process.
//
// It is the only package that imports Prometheus' and Alertmanager's inner
// packages, whose Go interfaces are not stable: both are pinned exactly, and
// raised together, on purpose, with the tests of this package. What the rest of
// Tocsin sees of them are the types of this package and of alerts.
//
// What flows: targets (own ones over an in-memory listener, remote ones over
// the network) are scraped into the storage; rules are evaluated right after
// the scrape of this host's page; the ledger compares what fires with what it
// knows, and alone decides what has ended; Alertmanager groups, inhibits and
// silences; the receiver turns each notification into an alerts.Notification
// for the Voice.
package engine
