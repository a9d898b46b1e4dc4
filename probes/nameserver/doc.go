// Package nameserver asks name servers the questions that a probe needs
// answers of to go on: a certain server at a certain address, or one of the
// machine's resolvers. Every answer is to the question that was asked, and
// bounded by what fits into a DNS message.
//
// It judges no answer but by whether there is one; a probe whose very subject
// is one answer is package dnsprobe's.
package nameserver
