//go:build linux

package host

import (
	"math"
	"strings"
	"testing"

	"tocsin/internal/frame"
)

func FuzzMdstat(f *testing.F) {
	f.Add(mdHead + mdWhole)
	f.Add("md3 : active (auto-read-only) raid10 sdh1[3](S)\n  4 blocks [4/4] [UUUU]\n  resync=PENDING\n")
	f.Add("md2 : active raid6 a[0]\n 1 blocks [5/4] [U_]\n [=>] recovery = 1% (1/2) finish\n")
	f.Fuzz(func(t *testing.T, content string) {
		arrays, err := parseMdstat("mdstat", []byte(content))
		for _, a := range arrays {
			if a.name == "" || a.state == "" || a.name != valid(a.name) {
				t.Errorf("%q gives %+v, %v", content, a, err)
			}
		}
	})
}

func FuzzKstat(f *testing.F) {
	f.Add("13 1\nname type data\nhits 4 12\nsize 3 -5\ndataset_name 7 tank/my files\n")
	f.Add("12 3\nnread nwritten reads writes wtime wlentime wupdate rtime rlentime rupdate wcnt rcnt\n1 2 3 4 5 6 7 8 9 10 11 12\n")
	f.Fuzz(func(t *testing.T, content string) {
		check := func(dataset string, name []byte) {
			if dataset != valid(dataset) || !metricName(name) {
				t.Errorf("%q gives %q of %q", content, name, dataset)
			}
		}
		_ = parseKstat("kstat", []byte(content), func(dataset string, name []byte, _ float64) { check(dataset, name) })
		_ = parseIO("io", []byte(content), func(name []byte, _ float64) { check("", name) })
	})
}

func FuzzXFS(f *testing.F) {
	f.Add("extent_alloc 1 2 3 4\nrw 5 6\n")
	f.Fuzz(func(_ *testing.T, content string) {
		_ = sendXFS(frame.NewSink((&xfs{}).Families()), "stats", "sda1", []byte(content))
	})
}

func FuzzDisk(f *testing.F) {
	f.Add("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n")
	f.Add("8 0 sda 1 2 3\n")
	f.Fuzz(func(t *testing.T, line string) {
		if d, ok := parseDisk([]byte(line)); ok && (d.given < oldColumns || len(d.name) == 0) {
			t.Errorf("%q is %+v", line, d)
		}
	})
}

func FuzzDRBD(f *testing.F) {
	f.Add(" 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:1 nr:2 oos:0\n")
	f.Fuzz(func(_ *testing.T, content string) {
		_ = sendDRBD(frame.NewSink((&drbd{}).Families()), "drbd", []byte(content))
	})
}

func FuzzHumanNumber(f *testing.F) {
	for _, seed := range []string{"0", "1.1k", "-321.5k", "3.5T", "9.9Y", "k", ".", "1.", "-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := humanNumber(text)
		if ok && (math.IsNaN(n) || (n < 0 && text[0] != '-')) {
			t.Errorf("%q is %v", text, n)
		}
	})
}

func FuzzBcachefsSize(f *testing.F) {
	for _, seed := range []string{"0", "1.5G", "524k", "k", "1e400", "nan", "-1", "0x1p9E"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := bcachefsSize(text); ok && !(n >= 0 && n <= 1<<63) {
			t.Errorf("%q is %v", text, n)
		}
	})
}

func FuzzSensorFile(f *testing.F) {
	for _, seed := range []string{"temp1_input", "in0", "update_interval", "pwm1_auto_point1_pwm", "temp1_", "1", "fan00_x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		kind, sensor, element, ok := sensorFile(file)
		if ok && (!strings.HasPrefix(sensor, kind) || !strings.HasPrefix(file, kind) || !strings.HasSuffix(file, element)) {
			t.Errorf("%q is %q, %q, %q", file, kind, sensor, element)
		}
	})
}
