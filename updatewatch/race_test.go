//go:build race

package updatewatch

// raced: the race detector multiplies time and memory, so that neither can be
// measured; that all ends, and ends as it should, is still tested.
const raced = true
