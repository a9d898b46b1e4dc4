// Package status draws the status page: one HTML document without script,
// from plain data. What is wrong comes first, then what is not watched, then
// the rest.
//
// It is not the place that knows how the site stands: internal/app fills a
// Status. Nothing of the configuration's values may be put into one.
package status
