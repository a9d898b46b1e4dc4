// Package httpprobe probes what is served over HTTP and HTTPS, as a browser
// would see it: it follows redirects, looks at each server's certificate on
// the way, and judges status and content of the last answer.
//
// Its metrics have blackbox_exporter's names and meanings.
package httpprobe
