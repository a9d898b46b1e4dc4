package tlscheck

import (
	"errors"
	"io"
	"net"
	"strings"

	"tocsin/probes/probe"
)

// Alert tells whether err is an alert that the server sent, what it means, and
// says so in words. With TLS 1.3 a server's refusal of the client comes after
// the handshake, with the first read.
//
// crypto/tls hides the type of its alerts; what it shows is an OpError whose
// operation is "remote error".
func Alert(err error) (probe.Reason, string, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return "", "", false
	}
	alert := strings.TrimPrefix(op.Err.Error(), "tls: ")
	switch {
	case strings.Contains(alert, "certificate required"):
		return probe.TLSClientCertificate, "the server wants a client certificate", true
	case strings.Contains(alert, "protocol version not supported"):
		return probe.TLSVersion, "the server takes no version of TLS that was offered", true
	case strings.Contains(alert, "unrecognized name"):
		return probe.TLSWrongHost, "the server has no certificate for this name (alert: unrecognized name)", true
	default:
		return probe.TLSHandshake, "the server refused the handshake (alert: " + alert + ")", true
	}
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
