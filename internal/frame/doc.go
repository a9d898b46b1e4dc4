// Package frame is what every measurement of Tocsin runs in: a Collector fills
// a page, a Target groups collectors under one job and instance, and the
// runner gives each collector its own deadline, one run in flight and a wall
// against panics.
//
// It is not for scraping, storing or serving: the page it returns is data, and
// internal/web and alerts/engine decide what becomes of it.
package frame
