// Package queryapi serves Prometheus' HTTP API v1 over the embedded engine, as
// far as Grafana's Prometheus data source asks for it: query, query_range,
// query_exemplars, format_query, series, labels, label/<name>/values, metadata,
// rules, alerts, targets and status/buildinfo. Answers, error types and status
// codes are those of Prometheus 3; a test puts the same questions to a real
// Prometheus. It decides nothing about who may ask: internal/web does.
//
// Left out, on purpose:
//   - write, OTLP, remote read, and admin/tsdb/*: nothing here writes or exports.
//   - status/config, status/flags, status/runtimeinfo, scrape_pools and
//     targets/relabel_steps: they tell settings, folders and the host's name,
//     and a page that prints settings leaks a secret sooner or later. Grafana
//     does not ask for them.
//   - status/tsdb, status/walreplay, status/self_metrics, targets/metadata,
//     alertmanagers, notifications, features, search/* and parse_query: they
//     serve Prometheus' own web interface.
//   - CORS headers: Grafana asks from its server, not from the browser.
//   - Exemplars: the engine stores none, so query_exemplars is always empty.
//   - The rewriting of globalUrl, by which Prometheus guesses how localhost may
//     be reached from outside: it is the scrape URL.
//   - Dropped targets: the engine scrapes lists without relabelling, so that
//     none is dropped; the lists are there, and empty.
//
// Stricter than Prometheus, so that no request can take the hub down:
//   - a body over Options.MaxBody is refused with 413, an expression of more
//     than 10,000 tokens with 400 (the parser's time grows with the square of
//     the nesting: 200 kB of "1+1+1..." held a core for 45 s), a
//     result of more than Options.MaxSeries series with 422;
//   - a form that cannot be parsed is refused everywhere, not only by some
//     endpoints; so are times and steps that are no number (NaN), beyond the
//     clock's range, or below one millisecond, which Prometheus answers with
//     an internal error or nonsense;
//   - a lookup that runs out of time answers timeout (503), as a query does.
package queryapi
