// Package celcheck judges a JSON document by an expression of the Common
// Expression Language, in which the document is called body.
//
// It reads no network and no file.
package celcheck
