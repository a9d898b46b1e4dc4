package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"tocsin/alerts/rules"
	"tocsin/internal/frame"
	"tocsin/probes"
	"tocsin/probes/probe"
)

// saying is a collector that found something wrong.
type saying struct {
	name, family, says string
	fails              error
}

func (s saying) Name() string              { return s.name }
func (s saying) Families() []*frame.Family { return []*frame.Family{{Name: s.family}} }
func (s saying) Explain() string           { return s.says }
func (s saying) Collect(context.Context, *frame.Sink) error {
	return s.fails
}

// seeing is one whose newest look failed.
type seeing struct {
	saying
	reason probes.Reason
}

func (s seeing) Last() (probes.Result, bool)                              { return probes.Result{Reason: s.reason}, true }
func (s seeing) Looks() (newest []*probes.Result, failure *probes.Result) { return nil, nil }

// TestDetailOf_whatAnAlertIsAbout has a machine and a mail server with several
// things wrong at once: each alert tells of its own.
func TestDetailOf_whatAnAlertIsAbout(t *testing.T) {
	t.Parallel()
	files, err := rules.Load()
	if err != nil {
		t.Fatal(err)
	}
	target := func(job, instance string, collectors ...frame.Collector) *frame.Target {
		spec := frame.Spec{Job: job, ID: "x", Instance: instance, Interval: time.Minute, Timeout: time.Minute}
		for _, c := range collectors {
			spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
		}
		return frame.NewTarget(spec, slog.New(slog.DiscardHandler))
	}
	broken := saying{name: "disks", family: "x_disks", fails: errors.New("read /dev/sda: too slow")}
	look := func(reason probes.Reason) seeing {
		return seeing{saying{name: "probe", family: "probe_success", says: string(reason) + ": as the look has it"}, reason}
	}
	grade := saying{name: "grade", family: "probe_http_header_grade_rank", says: "timeout: the grade could not be had"}
	all := []*frame.Target{
		target("node", "guet",
			saying{name: "logins", family: "tocsin_host_authentication_log_readable", says: "failed log-ins are not detected"},
			saying{name: "fail2ban", family: "f2b_up", says: "fail2ban is silent"}, broken),
		target("probe", "smtp://mail", look(probe.Greylisted)),
		target("probe", "https://www", look(probe.Refused), grade),
		target("probe", "https://old", look(probe.TLSExpired)),
	}
	all[0].Gather(t.Context())
	for _, c := range []struct{ alert, job, instance, want string }{
		{"HostFail2banDown", "node", "guet", "fail2ban is silent"},
		{"HostNotMeasured", "node", "guet", ""},
		{"HostFail2banDown", "node", "db1", ""},
		{"ProbeFailing", "probe", "smtp://mail", "greylisted: as the look has it"},
		{"MailAuthWithoutTLS", "probe", "smtp://mail", ""},
		{"CertificateExpiring", "probe", "https://www", ""},
		{"CertificateInvalid", "probe", "https://www", ""},
		{"CertificateInvalid", "probe", "https://old", "tls_expired: as the look has it"},
		{"ProbeFailing", "probe", "https://www", "refused: as the look has it"},
		{"ProbeHeaderGradeLow", "probe", "https://www", "timeout: the grade could not be had"},
		{"NoSuchRule", "probe", "https://www", ""},
	} {
		got := detailOf(all, files, map[string]string{"alertname": c.alert, "job": c.job, "instance": c.instance})
		if got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.alert, c.instance, got, c.want)
		}
	}
	failing := map[string]string{"alertname": "CollectorFailing", "job": "node", "instance": "guet", "collector": "disks"}
	if got := detailOf(all, files, failing); got != "read /dev/sda: too slow" {
		t.Errorf("a collector that fails: %q", got)
	}
}
