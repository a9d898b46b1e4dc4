//go:build !race

package updatewatch

const raced = false
