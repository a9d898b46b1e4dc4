// Package web is Tocsin's HTTP side: the pages of metrics, the list of targets,
// the status page, and the doors to the engine's APIs, each behind the rules of
// its class of route.
//
// It is not for measuring, storing or judging: pages come from internal/frame,
// the APIs from alerts/engine. What it serves is read anew at each request from
// one View, so a reload is a swap of one pointer.
package web
