// Package debian reads what dpkg and apt write: the order of versions and the
// stanzas of their files. It knows the formats, not what they are for:
// updatewatch asks which version is installed, exporters/host/packages which
// one apt would install.
package debian
