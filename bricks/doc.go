// Package bricks knows what services are: a Kind is the definition of one type
// of service (how it is asked, measured, versioned, followed upstream, alerted
// on and drawn), a Brick is one service of a site. Both are plain data, read
// strictly; the definitions that ship with Tocsin lie in catalog.
//
// It is not for asking, judging, drawing or following anything: that is done
// by the rooms that this data goes into.
package bricks
