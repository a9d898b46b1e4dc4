// Package feed reads feeds of strangers: RSS, Atom and JSON feeds, by gofeed
// behind a guard. Unguarded, six kilobytes on the wire can end the whole
// process: the parser recurses by the document's depth, copies every namespace
// for every element, and a stack that overflows cannot be recovered from. The
// guard follows the document byte by byte in front of the parser and refuses
// what no feed needs.
//
// It asks nobody: updatewatch/forge does, and hands on the answers.
package feed
