package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// INNVar names the folder into which tools/inn.sh has unpacked INN.
const INNVar = "TOCSIN_INN"

// Nnrpd runs the part of Debian's INN that readers of news talk to on a port of
// 127.0.0.1 until the test ends, with a certificate and key in files of PEM;
// without them it has no TLS. It carries no group. Where nobody has unpacked it
// the test is skipped, and the skip recorded.
func Nnrpd(t testing.TB, port int, cert, key string) *Process {
	t.Helper()
	program := filepath.Join(os.Getenv(INNVar), "usr/lib/news/bin/nnrpd")
	if _, err := os.Stat(program); err != nil || os.Getenv(INNVar) == "" {
		Skip(t, "INN is in no folder that "+INNVar+" names; make test has tools/inn.sh unpack it")
	}
	me, group := account(t)
	dir := Tree(t, map[string]string{
		"readers.conf":         "auth all {\n hosts: *\n default: \"<anybody>\"\n}\naccess all {\n users: \"<anybody>\"\n newsgroups: *\n}\n",
		"storage.conf":         "method tradspool {\n newsgroups: *\n class: 0\n}\n",
		"active":               "",
		"newsgroups":           "",
		"overview/group.index": "",
	})
	conf := fmt.Sprintf(`domain: ville.example
pathhost: news.ville.example
mta: "/bin/false %%s"
hismethod: hisv6
ovmethod: tradindexed
enableoverview: true
nnrpdloadlimit: 0
runasuser: %s
runasgroup: %s
pathnews: %[3]s
pathbin: %[4]s
pathetc: %[3]s
pathdb: %[3]s
pathrun: %[3]s
pathlog: %[3]s
pathtmp: %[3]s
pathspool: %[3]s
`, me, group, dir, filepath.Dir(program))
	if cert != "" {
		conf += fmt.Sprintf("tlscertfile: %s\ntlskeyfile: %s\ntlscapath: %s\n", cert, key, dir)
	}
	libraries, _ := filepath.Glob(filepath.Join(os.Getenv(INNVar), "usr/lib/*-linux-gnu*")) // the pattern is ours
	libraries = append(libraries, filepath.Join(os.Getenv(INNVar), "usr/lib/news"))
	run := exec.Command(program, "-D", "-f", "-n", "-b", "127.0.0.1", "-p", fmt.Sprint(port), "-c", "readers.conf")
	run.Dir = dir
	run.Env = []string{"PATH=/usr/bin:/bin", "INNCONF=" + write(t, dir, "inn.conf", conf), "LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}
	p := StartCmd(t, run)
	p.waitTCP(t, port)
	return p
}
