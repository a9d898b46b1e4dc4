// Package foreign reads the files of other programs, which Tocsin takes over
// from: YAML whose keys it does not all know, files of environment variables,
// units, command lines. It is lenient where internal/strict is not, remembers
// where each value stands, and decides nothing.
//
// Its input is bounded in bytes and levels, and it never repeats a value in an
// error: half of these files hold passwords.
package foreign
