// Package elsewhere has looks made by another instance of the site: it asks
// that instance's GET /probe, and hands on what it answers as a collector of
// its own. Whether a target may be looked at is for the other instance to say;
// a refusal is not measured, never down.
package elsewhere
