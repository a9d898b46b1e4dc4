package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/config/strict"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// maxFile bounds each file that the site file names.
const maxFile = 1 << 20

// named is a key of the site whose value is the path of a file.
type named struct {
	path   string // of the key
	value  reflect.Value
	secret bool // the file has a secret: its key has a twin without _file
}

// visit calls fn for each key of a struct, and of all below it, that is text.
// siblings are the keys of the same struct.
func visit(v reflect.Value, path string, fn func(path, key string, v reflect.Value, siblings []strict.Field)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), path, fn)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i), fn)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			visit(iter.Value(), path+"."+iter.Key().String(), fn)
		}
	case reflect.Struct:
		fields := strict.Fields(v.Type())
		for _, f := range fields {
			below, inner := strings.TrimPrefix(path+"."+f.Key, "."), v.FieldByIndex(f.Struct.Index)
			if inner.Kind() == reflect.String {
				fn(below, f.Key, inner, fields)
			} else {
				visit(inner, below, fn)
			}
		}
	}
}

// files lists the files that the site names by keys that end in _file. It
// knows no room: what a room adds is found by its key.
func (s *Site) files() []named {
	var all []named
	visit(reflect.ValueOf(s).Elem(), "", func(path, key string, v reflect.Value, siblings []strict.Field) {
		twin, ok := strings.CutSuffix(key, "_file")
		if !ok || v.String() == "" {
			return
		}
		n := named{path: path, value: v}
		for _, f := range siblings {
			if f.Key == twin && f.Struct.Type == reflect.TypeFor[secret.Text]() {
				n.secret = true
			}
		}
		all = append(all, n)
	})
	return all
}

// resolve makes the paths of files full ones: they are relative to the site
// file, wherever Tocsin was started.
func (s *Site) resolve(folder string) {
	for _, f := range s.files() {
		if !filepath.IsAbs(f.value.String()) && f.value.CanSet() {
			f.value.SetString(filepath.Join(folder, f.value.String()))
		}
	}
	for i, name := range s.Alerts.RuleFiles {
		if name != "" && !filepath.IsAbs(name) {
			s.Alerts.RuleFiles[i] = filepath.Join(folder, name)
		}
	}
}

// checkFiles reads every file that the site names, and tries its data folder.
// It returns the contents of those that have no secret, and warnings.
func (s *Site) checkFiles(p problem.List) (contents map[string][]byte, warnings []string) {
	contents = map[string][]byte{}
	for _, f := range s.files() {
		name := f.value.String()
		b, text := readFile(name)
		switch {
		case text != "":
			p.At(f.path).Addf("%s", text)
		case f.secret && strings.TrimSpace(string(b)) == "":
			p.At(f.path).Addf("%s is empty; write the secret into it", name)
		case f.secret:
			if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o004 != 0 {
				warnings = append(warnings, f.path+": "+name+" can be read by every user of this machine; chmod o-r "+name)
			}
		case strings.HasSuffix(f.path, "ca_file") && !x509.NewCertPool().AppendCertsFromPEM(b):
			p.At(f.path).Addf("%s has no certificate in it; write the path of a PEM file (-----BEGIN CERTIFICATE-----)", name)
		default:
			contents[name] = b
		}
	}
	s.readRuleFiles(p.At("alerts").At("rule_files"))
	if text := unusable(s.DataDir); text != "" && filepath.IsAbs(s.DataDir) {
		p.At("data_dir").Addf("%s; choose another folder, or let the user that runs tocsin write to it", text)
	}
	return contents, warnings
}

// readFile returns a file's content, or what keeps it from being read.
func readFile(name string) (content []byte, wrong string) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, name + " does not exist; write it, or correct the path"
	case errors.Is(err, fs.ErrPermission):
		return nil, name + " cannot be read by this user (permission denied); let the user that runs tocsin read it"
	case err != nil:
		return nil, name + " cannot be read: " + errors.Unwrap(err).Error()
	case info.IsDir():
		return nil, name + " is a folder; write the path of a file"
	case !info.Mode().IsRegular():
		return nil, name + " is no ordinary file; write the path of one"
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, name + " cannot be read by this user (permission denied); let the user that runs tocsin read it"
	}
	defer f.Close()
	content, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, name + " cannot be read; correct the path"
	case len(content) > maxFile:
		return nil, name + " is larger than 1 MiB; this is not the file that was meant"
	}
	return content, ""
}

// readRuleFiles reads the rule files that the site names, patterns unfolded.
func (s *Site) readRuleFiles(p problem.List) {
	s.ruleFiles = map[string][]byte{}
	for i, pattern := range s.Alerts.RuleFiles {
		matches, err := filepath.Glob(pattern)
		switch {
		case pattern == "":
			p.Index(i).Addf("is empty; write the path of a rule file")
			continue
		case err != nil:
			p.Index(i).Addf("%s is no pattern; write a path, with * for any text", quote(pattern))
			continue
		case len(matches) == 0 && strings.ContainsAny(pattern, "*?["):
			p.Index(i).Addf("%s matches no file; write the path of one, or take it away", pattern)
			continue
		case len(matches) == 0:
			matches = []string{pattern}
		}
		for _, name := range matches {
			content, text := readFile(name)
			if text != "" {
				p.Index(i).Addf("%s", text)
				continue
			}
			s.ruleFiles[name] = content
		}
	}
}

// unusable says what keeps a folder from holding Tocsin's state. It makes
// nothing: what does not exist yet is judged by the folder that it would be
// made in.
func unusable(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return at + " cannot be looked into"
		case !info.IsDir():
			return at + " is not a folder"
		case unix.Access(at, unix.W_OK|unix.X_OK) != nil && at == dir:
			return at + " cannot be written to by this user"
		case unix.Access(at, unix.W_OK|unix.X_OK) != nil:
			return dir + " does not exist, and this user cannot make it in " + at
		}
		return ""
	}
}
