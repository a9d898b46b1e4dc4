// Package testenv runs the real programs that tests talk to: Prometheus,
// nginx, and whatever else Debian packages. It gives them private ports and
// folders, keeps what they print, and ends them by their own process id.
//
// A test that cannot run here says so, never silently: the skip goes to the
// file that $TOCSIN_SKIPPED names, one line each with tabs between test, what
// was missing, why it matters and the Debian package to install. With
// TOCSIN_EXPECT_ALL=1, as on CI, a missing program is a failure instead.
//
// The package is for tests only; the product neither imports it nor runs
// programs.
package testenv
