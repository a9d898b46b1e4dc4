package certificates

import (
	"path/filepath"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// Config says where more certificates lie.
type Config struct {
	// Files are more files with certificates, or patterns of them with * for
	// any letters.
	Files []string `yaml:"files"`
	// Keystores are files that take a password: PKCS#12 and Java's.
	Keystores []Keystore `yaml:"keystores"`
}

// A Keystore is a file whose certificates a password protects.
type Keystore struct {
	File         string      `yaml:"file"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
}

// Validate adds what is wrong to p.
func (c *Config) Validate(p problem.List) {
	for i, pattern := range c.Files {
		at := p.At("files").Index(i)
		absolute(at, pattern)
		if _, err := filepath.Match(pattern, ""); err != nil {
			at.Addf("%q is no pattern; a [ needs its ]", pattern)
		}
	}
	for i, k := range c.Keystores {
		at := p.At("keystores").Index(i)
		absolute(at.At("file"), k.File)
		switch source := k.source(); {
		case !k.Password.IsZero() && k.PasswordFile != "":
			at.At("password_file").Addf("password is given too; keep one of the two, better the file")
		case source.IsZero():
			at.At("password_file").Addf("is missing; write the file that the password is in; a keystore without one goes under files")
		}
	}
}

func (k *Keystore) source() secret.Source {
	return secret.Source{Value: k.Password, File: k.PasswordFile}
}

func absolute(p problem.List, path string) {
	switch {
	case path == "":
		p.Addf("is missing; write a file, as /etc/ssl/ville.pem")
	case !filepath.IsAbs(path):
		p.Addf("%q is no absolute path; write one that begins with /, as %s", path, filepath.Join("/", path))
	}
}
