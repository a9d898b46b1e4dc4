// Package fallback is the second way: it says by mail what the first voice
// could not say, tells once that the first is down and once that it is back,
// and sees to it that the first says in the end what it missed.
package fallback
