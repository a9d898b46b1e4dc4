package websocketprobe

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tocsin/probes/probe"
)

// remedy is what the usual proxies must be told.
const remedy = `a proxy in between does not pass Upgrade on (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";), or no WebSocket is there`

// refusal says why an answer is no handshake.
func (p *Prober) refusal(answer *http.Response, err error) error {
	fail := func(r probe.Reason, format string, args ...any) error {
		return probe.Fail(r, probe.PhaseProcessing, fmt.Errorf("the status is %s: %s", shown(answer), fmt.Sprintf(format, args...)))
	}
	switch code := answer.StatusCode; {
	case code == http.StatusSwitchingProtocols:
		return fail(probe.Protocol, "%s", strings.TrimPrefix(err.Error(), "failed to WebSocket dial: "))
	case code == http.StatusUnauthorized && p.options.Username != "", code == http.StatusForbidden && p.options.Username != "":
		return fail(probe.LoginRefused, "it does not let username in")
	case code == http.StatusUnauthorized:
		return fail(probe.Status, "it wants somebody to log in; write username and password_file beside target")
	case code == http.StatusForbidden:
		return fail(probe.Status, "it refuses; it may want an origin (websocket: {origin: https://…})")
	case code >= 300 && code < 400:
		return fail(probe.Redirect, "it leads to %s, and a handshake does not follow; write that address as target", location(answer))
	// The header is lost on the way: what then comes is a page, or a complaint
	// about a WebSocket endpoint being asked for one.
	case code >= 200 && code < 300, code == http.StatusBadRequest, code == http.StatusUpgradeRequired:
		return fail(probe.NoUpgrade, "%s", remedy)
	default:
		return fail(probe.Status, "it is not 101")
	}
}

// location is where a redirect leads, without what may be secret.
func location(answer *http.Response) string {
	u, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		return "somewhere that cannot be read"
	}
	return probe.DisplayURL(u)
}

func shown(answer *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
}
