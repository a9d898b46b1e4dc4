package fallback

import (
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// A Config is the section alerts.fallback of the site file.
type Config struct {
	SMTP SMTP `yaml:"smtp"`
	// After is how long the first voice may fail before mail is sent; what
	// can't be mended by waiting is sent at once. Default 2m.
	After model.Duration `yaml:"after"`
}

// SMTP is the server that takes the mail.
type SMTP struct {
	Host string `yaml:"host"`
	// Port is 587 unless given, and 25 on the loopback interface. On 465 the
	// connection is encrypted from its start.
	Port int `yaml:"port"`
	// StartTLS is on unless the host is the loopback interface; only there it
	// may be turned off.
	StartTLS     *bool       `yaml:"starttls"`
	CAFile       string      `yaml:"ca_file"`
	From         string      `yaml:"from"`
	To           []string    `yaml:"to"`
	Username     string      `yaml:"username"`
	Password     secret.Text `yaml:"password"`
	PasswordFile string      `yaml:"password_file"`
	// Timeout is for one mail, all in all. Default 30s.
	Timeout model.Duration `yaml:"timeout"`
}

// portTLS is where servers expect encryption from the start.
const portTLS = 465

// IsZero tells whether no fallback is configured.
func (c *Config) IsZero() bool {
	s := &c.SMTP
	return s.Host == "" && s.From == "" && len(s.To) == 0 && s.Username == "" && s.password().IsZero()
}

func (s *SMTP) password() secret.Source {
	return secret.Source{Value: s.Password, File: s.PasswordFile}
}

// SetDefaults fills what was left out.
func (c *Config) SetDefaults() {
	if c.After == 0 {
		c.After = model.Duration(2 * time.Minute)
	}
	s := &c.SMTP
	if s.Port == 0 {
		s.Port = 587
		if loopback(s.Host) {
			s.Port = 25
		}
	}
	if s.StartTLS == nil {
		on := !loopback(s.Host) && s.Port != portTLS
		s.StartTLS = &on
	}
	if s.Timeout == 0 {
		s.Timeout = model.Duration(30 * time.Second)
	}
}

// Validate adds what is wrong to p.
func (c *Config) Validate(p problem.List) {
	if c.IsZero() {
		return
	}
	if d := time.Duration(c.After); d < 0 || d > time.Hour {
		p.At("after").Addf("%s is out of range: write up to 1h", c.After)
	}
	c.SMTP.validate(p.At("smtp"))
}

func (s *SMTP) validate(p problem.List) {
	switch {
	case s.Host == "":
		p.At("host").Addf("the mail server is missing: write its name, smtp.example.org")
	case strings.ContainsAny(s.Host, "/: @") && net.ParseIP(s.Host) == nil:
		p.At("host").Addf("only the mail server's name belongs here: write smtp.example.org, and the port as port")
	}
	if s.Port < 0 || s.Port > 65535 {
		p.At("port").Addf("%d is no port: write 587, or 465", s.Port)
	}
	if s.StartTLS != nil && !*s.StartTLS && s.Port != portTLS && s.Host != "" && !loopback(s.Host) {
		p.At("starttls").Addf("mail must not leave this machine without encryption: leave starttls out, " +
			"use port 465, or send by a mail server on localhost")
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		p.At("from").Addf("the sender's address is missing or wrong: write tocsin@example.org")
	}
	if len(s.To) == 0 {
		p.At("to").Addf("nobody gets the mail: write [admin@example.org]")
	}
	if len(s.To) > 50 {
		p.At("to").Addf("%d addresses are too many: write a mailing list's", len(s.To))
	}
	for i, to := range s.To {
		if _, err := mail.ParseAddress(to); err != nil {
			p.At("to").Index(i).Addf("%q is no address: write admin@example.org", to)
		}
	}
	if !s.Password.IsZero() && s.PasswordFile != "" {
		p.At("password_file").Addf("password is given too: keep one of the two")
	}
	if s.Username == "" && !s.password().IsZero() {
		p.At("username").Addf("a password is given, but no username: write both, or none")
	}
	if s.Username != "" && s.password().IsZero() {
		p.At("password_file").Addf("a username is given, but no password: write it to a file, and the file's path here")
	}
	if d := time.Duration(s.Timeout); d < time.Second || d > 5*time.Minute {
		p.At("timeout").Addf("%s is out of range: write 1s to 5m", s.Timeout)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
