package logins

import (
	"strconv"
	"strings"
)

// What failed: the values of the label kind.
const (
	kindPassword  = "password"
	kindPublicKey = "publickey"
	kindInvalid   = "invalid_user"
	kindSudo      = "sudo"
	kindSu        = "su"
)

var kinds = []string{kindInvalid, kindPassword, kindPublicKey, kindSu, kindSudo}

// failures tells what a line of auth.log counts for; no kind: nothing. Only
// the beginnings of messages are believed: what comes after them, a stranger
// may have written, as the name that he tries.
func failures(line string) (kind string, count int) {
	program, message, ok := split(line)
	if !ok {
		return "", 0
	}
	count = 1
	// rsyslog can fold lines that are alike (RepeatedMsgReduction).
	if rest, found := strings.CutPrefix(message, "message repeated "); found {
		times, inner, found := strings.Cut(rest, " times: [ ")
		n, err := strconv.Atoi(times)
		if !found || err != nil || n < 1 || n > 100_000 {
			return "", 0
		}
		message, count = inner, n
	}
	switch program {
	case "sshd", "sshd-session", "sshd-auth": // the latter since OpenSSH 9.8 and 10.0
		return sshFailure(message), count
	case "sudo":
		kind, attempts := sudoFailure(message)
		return kind, attempts * count
	case "su":
		if strings.HasPrefix(message, "FAILED SU ") { // util-linux and shadow alike
			return kindSu, count
		}
	}
	return "", 0
}

// split finds the program and its message in a line of rsyslog's: "Nov 27
// 02:11:13 db1 sshd[12]: ..." or "2026-11-27T02:11:13.123456+01:00 db1 ...".
func split(line string) (program, message string, ok bool) {
	words := 4
	if line != "" && line[0] >= '0' && line[0] <= '9' {
		words = 2
	}
	for range words {
		_, rest, found := strings.Cut(line, " ")
		if !found {
			return "", "", false
		}
		line = strings.TrimLeft(rest, " ")
	}
	tag, message, ok := strings.Cut(line, ": ")
	program, _, _ = strings.Cut(tag, "[")
	return program, strings.TrimLeft(message, " "), ok
}

// sshFailure knows the words of OpenSSH (auth.c, auth_log and
// getpwnamallow). A user who does not exist makes two lines; the one counts.
func sshFailure(message string) string {
	if strings.HasPrefix(message, "Invalid user ") {
		return kindInvalid
	}
	rest, found := strings.CutPrefix(message, "Failed ")
	method, rest, found2 := strings.Cut(rest, " for ")
	if !found || !found2 || strings.HasPrefix(rest, "invalid user ") {
		return ""
	}
	switch method {
	case "password", "keyboard-interactive/pam":
		return kindPassword
	case "publickey":
		return kindPublicKey
	}
	return ""
}

// sudoFailure knows the words of sudo's own log (plugins/sudoers/logging.c):
// "alice : 3 incorrect password attempts ; TTY=...".
func sudoFailure(message string) (kind string, count int) {
	_, rest, found := strings.Cut(message, " : ")
	what, _, found2 := strings.Cut(rest, " ; ")
	if !found || !found2 {
		return "", 0
	}
	if number, words, _ := strings.Cut(what, " "); words == "incorrect password attempt" || words == "incorrect password attempts" {
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= 1000 {
			return kindSudo, n
		}
	}
	if what == "user NOT in sudoers" || what == "command not allowed" {
		return kindSudo, 1
	}
	return "", 0
}
