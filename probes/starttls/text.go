package starttls

import (
	"slices"
	"strings"
)

// lines is a dialogue of single lines: a greeting, a question, an answer.
func (t *talk) lines(greeting, question, answer string) error {
	line, err := t.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, greeting) {
		return strange("the server greets with %q, not %q", line, greeting)
	}
	if err := t.say(question); err != nil {
		return err
	}
	if line, err = t.line(); err != nil {
		return err
	}
	if !strings.HasPrefix(line, answer) {
		return refused("the server answers %s with %q", question, line)
	}
	return nil
}

// reply reads a reply of SMTP, whose lines but the last have a dash behind the
// code.
func (t *talk) reply() ([]string, error) {
	return t.until(func(line string) bool { return len(line) < 4 || line[3] == ' ' })
}

// Source: RFC 3207.
func (t *talk) smtp() error {
	greeting, err := t.reply()
	if err != nil {
		return err
	}
	if last := greeting[len(greeting)-1]; !strings.HasPrefix(last, "220") {
		return strange("the server greets with %q, not with 220", last)
	}
	if err := t.say("EHLO tocsin.invalid"); err != nil {
		return err
	}
	offers, err := t.reply()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(offers, func(l string) bool { return len(l) > 4 && strings.EqualFold(l[4:], "STARTTLS") }) {
		return refused("the server offers no STARTTLS; its last word is %q", offers[len(offers)-1])
	}
	if err := t.say("STARTTLS"); err != nil {
		return err
	}
	ready, err := t.reply()
	if err != nil {
		return err
	}
	if last := ready[len(ready)-1]; !strings.HasPrefix(last, "220") {
		return refused("the server answers STARTTLS with %q", last)
	}
	return nil
}

// Source: RFC 4217.
func (t *talk) ftp() error {
	greeting, err := t.ftpReply()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(greeting, "220") {
		return strange("the server greets with %q, not with 220", greeting)
	}
	if err := t.say("AUTH TLS"); err != nil {
		return err
	}
	ready, err := t.ftpReply()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(ready, "234") {
		return refused("the server answers AUTH TLS with %q", ready)
	}
	return nil
}

// ftpReply reads a reply of FTP and returns its last line: the first that
// begins with the code of the first. Other than in SMTP, what stands between
// may be anything.
//
// Source: RFC 959, section 4.2.
func (t *talk) ftpReply() (string, error) {
	first, err := t.line()
	if err != nil || len(first) < 4 || first[3] != '-' || strings.Trim(first[:3], "0123456789") != "" {
		return first, err
	}
	end := first[:3] + " "
	lines, err := t.until(func(line string) bool { return strings.HasPrefix(line+" ", end) })
	if err != nil {
		return "", err
	}
	return lines[len(lines)-1], nil
}

// Source: RFC 9051, section 6.2.1.
func (t *talk) imap() error {
	line, err := t.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "* OK") && !strings.HasPrefix(line, "* PREAUTH") {
		return strange("the server greets with %q, not with * OK", line)
	}
	if err := t.say("a1 STARTTLS"); err != nil {
		return err
	}
	lines, err := t.until(func(l string) bool { return strings.HasPrefix(l, "a1 ") })
	if err != nil {
		return err
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(strings.ToUpper(last), "A1 OK") {
		return refused("the server answers STARTTLS with %q", last)
	}
	return nil
}

// Source: RFC 5804, section 2.2.
func (t *talk) sieve() error {
	ends := func(l string) bool {
		return strings.HasPrefix(l, "OK") || strings.HasPrefix(l, "NO") || strings.HasPrefix(l, "BYE")
	}
	offers, err := t.until(ends)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(offers, func(l string) bool { return strings.HasPrefix(strings.ToUpper(l), `"STARTTLS"`) }) {
		return refused("the server offers no STARTTLS; its last word is %q", offers[len(offers)-1])
	}
	if err := t.say("STARTTLS"); err != nil {
		return err
	}
	lines, err := t.until(ends)
	if err != nil {
		return err
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "OK") {
		return refused("the server answers STARTTLS with %q", last)
	}
	return nil
}
