// Package dialogue talks with a server in steps, as blackbox_exporter's
// query_response does: wait for a line that matches, or for certain bytes;
// send something, which may quote what was matched; turn to TLS.
//
// It opens no connection, and knows no protocol by name.
package dialogue
