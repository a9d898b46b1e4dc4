package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/strict"
	"tocsin/internal/web/access"
)

// maxFile bounds each file that the site file names.
const maxFile = 1 << 20

// text is one text in the site: a key's value, an element of a list of texts,
// or a value of a mapping of texts.
type text struct {
	path     string
	key      string         // the key of the file that it belongs to
	siblings []strict.Field // all keys of the same mapping
	value    string
	set      func(string)
}

// texts calls fn for each text below v, which is addressable. It knows no
// room: what a room adds to the site file is found by its type.
func texts(v reflect.Value, path string, fn func(text)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), path, fn)
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), fmt.Sprintf("%s[%d]", path, i), fn)
		}
	case reflect.Struct:
		fields := strict.Fields(v.Type())
		for _, f := range fields {
			textsOf(v.FieldByIndex(f.Struct.Index), text{path: strings.TrimPrefix(path+"."+f.Key, "."), key: f.Key, siblings: fields}, fn)
		}
	}
}

// textsOf calls fn for a key's value if that is text, for its texts if it has
// some, and looks below otherwise.
func textsOf(v reflect.Value, t text, fn func(text)) {
	path := t.path
	switch {
	case v.Kind() == reflect.String:
		t.value, t.set = v.String(), v.SetString
		fn(t)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		for i := range v.Len() {
			t.path, t.value, t.set = fmt.Sprintf("%s[%d]", path, i), v.Index(i).String(), v.Index(i).SetString
			fn(t)
		}
	case v.Kind() == reflect.Map && v.Type().Elem().Kind() == reflect.String:
		for _, k := range v.MapKeys() {
			t.path, t.value = path+"."+k.String(), v.MapIndex(k).String()
			t.set = func(s string) { v.SetMapIndex(k, reflect.ValueOf(s).Convert(v.Type().Elem())) }
			fn(t)
		}
	case v.Kind() == reflect.Map && v.Type().Elem().Kind() == reflect.Struct:
		for _, k := range v.MapKeys() {
			element := reflect.New(v.Type().Elem()).Elem() // what is in a map cannot be set in place
			element.Set(v.MapIndex(k))
			texts(element, path+"."+k.String(), func(t text) {
				set := t.set
				t.set = func(s string) { set(s); v.SetMapIndex(k, element) }
				fn(t)
			})
		}
	default:
		texts(v, path, fn)
	}
}

// files lists the files that the site names by keys that end in _file, and the
// files of queries.
func (s *Site) files() []text {
	var all []text
	texts(reflect.ValueOf(s).Elem(), "", func(t text) {
		if (strings.HasSuffix(t.key, "_file") || t.key == "queries_files") && t.value != "" {
			all = append(all, t)
		}
	})
	return all
}

// isSecret tells whether the file has a secret: its key has a twin without
// _file that is one.
func (t text) isSecret() bool {
	for _, f := range t.siblings {
		if f.Key+"_file" == t.key {
			of := f.Struct.Type
			return of == reflect.TypeFor[secret.Text]() || of.Kind() == reflect.Map && of.Elem() == reflect.TypeFor[secret.Text]()
		}
	}
	return false
}

// resolve makes the paths of files full ones: they are relative to the site
// file, wherever Tocsin was started.
func (s *Site) resolve(folder string) {
	for _, f := range s.files() {
		if !filepath.IsAbs(f.value) {
			f.set(filepath.Join(folder, f.value))
		}
	}
}

// checkFiles reads every file that the site names, and tries its data folder.
// It returns the contents of those that have no secret, and warnings.
func (s *Site) checkFiles(p problem.List) (contents map[string][]byte, warnings []string) {
	contents = map[string][]byte{}
	for _, f := range s.files() {
		name := f.value
		b, text := readFile(name)
		switch {
		case text != "":
			p.At(f.path).Addf("%s", text)
		case f.isSecret() && strings.TrimSpace(string(b)) == "":
			p.At(f.path).Addf("%s is empty; write the secret into it", name)
		case f.isSecret():
			if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o004 != 0 {
				warnings = append(warnings, f.path+": "+name+" can be read by every user of this machine; chmod o-r "+name)
			}
		case strings.HasSuffix(f.path, "ca_file") && !x509.NewCertPool().AppendCertsFromPEM(b):
			p.At(f.path).Addf("%s has no certificate in it; write the path of a PEM file (-----BEGIN CERTIFICATE-----)", name)
		default:
			contents[name] = b
		}
	}
	s.checkAccess(p)
	if text := unusable(s.DataDir); text != "" && filepath.IsAbs(s.DataDir) {
		p.At("data_dir").Addf("%s; choose another folder, or let the user that runs tocsin write to it", text)
	}
	return contents, warnings
}

// checkAccess reads the certificates and users that the section web names, as
// the server will, if nothing else is wrong with them.
func (s *Site) checkAccess(p problem.List) {
	for _, found := range p.All() {
		if within(found.Path, "web") {
			return
		}
	}
	_, err := access.New(access.Options{Config: s.Web, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		return
	}
	wrong := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		wrong = joined.Unwrap()
	}
	for _, err := range wrong {
		at, text := p.At("web"), err.Error()
		if rest, ok := strings.CutPrefix(text, "web."); ok { // it names its key itself
			key, words, _ := strings.Cut(rest, ": ")
			at, text = at.At(key), words
		} else if rest, ok := strings.CutPrefix(text, "read users: "); ok {
			at, text = at.At("users_file"), rest
		}
		at.Addf("%s", text)
	}
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
