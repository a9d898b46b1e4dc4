package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

// Alertmanager's configuration, in its own words. Severity is never grouped by:
// a warning that becomes critical stays one post. A certificate is told once,
// however many names and bricks it is for. A host that is down mutes
// what runs on it.
const alertmanagerConfig = `
route:
  receiver: voice
  group_by: [alertname, brick, host]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 24h
  routes:
    - receiver: none
      matchers: [alertname="Watchdog"]
    - receiver: voice
      matchers: [alertname=~"Certificate.+", fingerprint_sha256!=""]
      group_by: [alertname, fingerprint_sha256]
receivers:
  - name: voice
  - name: none
inhibit_rules:
  - source_matchers: [alertname="HostDown"]
    target_matchers: [alertname!="HostDown", alertname!="Watchdog"]
    equal: [host]
  - source_matchers: [alertname="CertificateExpiringSoon"]
    target_matchers: [alertname="CertificateExpiring"]
    equal: [job, instance]
  - source_matchers: [alertname="CertificateInvalid"]
    target_matchers: [alertname=~"CertificateExpiring|CertificateExpiringSoon|ProbeFailing"]
    equal: [job, instance]
`

const (
	// The notification log is kept under these two: renaming one forgets what was said.
	receiverName    = "voice"
	integrationName = "tocsin"

	repeatEvery    = 24 * time.Hour
	logRetention   = 120 * time.Hour // of what was said and of ended silences: Alertmanager's default
	alertGC        = 5 * time.Minute
	notifyTimeout  = 30 * time.Second // bound on one attempt to say something, with its repeats
	dispatchTidy   = 30 * time.Second
	maintainForget = 15 * time.Minute // garbage collection of log and silences
)

// alertmanager is Alertmanager's own pipeline: provider, inhibitor, silencer,
// dispatcher, notification log and API v2.
type alertmanager struct {
	log        *slog.Logger
	alerts     *mem.Alerts
	silences   *silence.Silences
	silencer   *silence.Silencer
	nflog      *nflog.Log
	nflogFile  string
	silFile    string
	dispatcher atomic.Pointer[dispatch.Dispatcher]
	inhibitor  atomic.Pointer[inhibit.Inhibitor]
	handler    http.Handler
	receiver   *receiver
	forget     func([]model.Fingerprint) // told, and that is on disk
	start      func()

	saving sync.Mutex // one write of the notification log at a time
}

func newAlertmanager(ctx context.Context, dir string, rcv *receiver, externalURL *url.URL, log *slog.Logger, reg prometheus.Registerer) (*alertmanager, error) {
	am := &alertmanager{
		log: log, receiver: rcv,
		nflogFile: filepath.Join(dir, "nflog"), silFile: filepath.Join(dir, "silences"),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	var recorder eventrecorder.Recorder
	var err error
	if am.nflog, err = openLog(am.nflogFile, log, reg); err != nil {
		return nil, err
	}
	if am.silences, err = silence.New(silence.Options{SnapshotFile: am.silFile, Retention: logRetention, Logger: log, Metrics: reg, EventRecorder: recorder}); err != nil {
		return nil, fmt.Errorf("open silences %s: %w; move it away to go on without them", am.silFile, err)
	}
	am.silencer = silence.NewSilencer(am.silences, log, recorder)
	if am.alerts, err = mem.NewAlerts(ctx, alertGC, 0, am.silencer, log, recorder, reg, featurecontrol.NoopFlags{}); err != nil {
		return nil, fmt.Errorf("alerts: %w", err)
	}
	groups := marker.NewGroupMarker()
	apih, err := api.New(api.Options{
		Alerts: am.alerts, Silences: am.silences, GroupMutedFunc: groups.Muted, Logger: log, Registry: reg,
		RequestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertmanager_http_request_duration_seconds", Help: "Duration of requests to the API.",
			Buckets: prometheus.DefBuckets,
		}, []string{"handler", "method", "code"}),
		GroupFunc: am.groupsOf,
	})
	if err != nil {
		return nil, fmt.Errorf("alertmanager API: %w", err)
	}
	am.handler = am.noteChanges(apih.Register(route.New().WithPrefix(""), "/"))

	conf, err := amconfig.Load(alertmanagerConfig)
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	tmpl, err := template.FromGlobs(nil)
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	tmpl.ExternalURL = externalURL
	routes := dispatch.NewRoute(conf.Route, nil)
	integration := notify.NewIntegration(rcv, sendResolved{}, integrationName, 0, receiverName)
	inhibitor := inhibit.NewInhibitor(am.alerts, conf.InhibitRules, log, recorder)
	// The pipeline's own metrics are 300 series about integrations that are
	// linked in and never used; a voice is measured where it speaks.
	pipeline := notify.NewPipelineBuilder(prometheus.NewRegistry(), featurecontrol.NoopFlags{}, recorder).New(
		map[string][]notify.Integration{receiverName: {integration}, "none": nil},
		func() time.Duration { return 0 }, inhibitor, am.silencer,
		timeinterval.NewIntervener(nil), groups, am.nflog, nil,
	)
	dispatcher := dispatch.NewDispatcher(am.alerts, routes, am.remember(pipeline), groups,
		func(d time.Duration) time.Duration { return max(d, notifyTimeout) },
		dispatchTidy, nil, log, recorder, dispatch.NewDispatcherMetrics(false, reg, featurecontrol.NoopFlags{}), tmpl)
	apih.Update(conf, func(ctx context.Context, l model.LabelSet) {
		inhibitor.Mutes(ctx, l)
		am.silencer.Mutes(ctx, l)
	})
	am.start = func() {
		// The inhibitor first: else an alert that will be muted is told.
		go inhibitor.Run()
		inhibitor.WaitForLoading()
		am.inhibitor.Store(inhibitor)
		go dispatcher.Run(time.Now())
		dispatcher.WaitForLoading()
		am.dispatcher.Store(dispatcher)
	}
	return am, nil
}

// openLog opens the notification log. One that is unreadable is set aside:
// what fires is then said once more, which is better than not watching.
func openLog(path string, log *slog.Logger, reg prometheus.Registerer) (*nflog.Log, error) {
	metrics := prometheus.NewRegistry()
	l, err := nflog.New(nflog.Options{SnapshotFile: path, Retention: logRetention, Logger: log, Metrics: metrics})
	if err != nil {
		log.Error("notification log is unreadable: what fires is said once more", "err", err, "set_aside", path+".broken")
		if err := os.Rename(path, path+".broken"); err != nil {
			return nil, fmt.Errorf("%w: set the notification log aside: %w", ErrDataFolder, err)
		}
		metrics = prometheus.NewRegistry()
		if l, err = nflog.New(nflog.Options{SnapshotFile: path, Retention: logRetention, Logger: log, Metrics: metrics}); err != nil {
			return nil, fmt.Errorf("%w: open notification log: %w", ErrDataFolder, err)
		}
	}
	return l, reg.Register(metrics)
}

// sendResolved: the end of a trouble is always told.
type sendResolved struct{}

// SendResolved implements notify.ResolvedSender.
func (sendResolved) SendResolved() bool { return true }

// groupsOf serves the API, which may be asked before the dispatcher runs.
func (am *alertmanager) groupsOf(ctx context.Context, routes func(*dispatch.Route) bool, alerts func(*alert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
	d := am.dispatcher.Load()
	if d == nil {
		return nil, nil, nil
	}
	return d.Groups(ctx, routes, alerts)
}

// groups returns all groups of alerts as they stand.
func (am *alertmanager) groups(ctx context.Context) (dispatch.AlertGroups, error) {
	g, _, err := am.groupsOf(ctx, func(*dispatch.Route) bool { return true }, func(*alert.Alert, time.Time) bool { return true })
	return g, err
}

// muted tells whether an alert is silenced or inhibited now.
func (am *alertmanager) muted(ctx context.Context, l model.LabelSet) (silenced, inhibited bool) {
	if i := am.inhibitor.Load(); i != nil {
		inhibited = i.Mutes(ctx, l)
	}
	return am.silencer.Mutes(ctx, l), inhibited
}

// muting is muted with who did it.
func (am *alertmanager) muting(ctx context.Context, l model.LabelSet) (*Silenced, bool) {
	silenced, inhibited := am.muted(ctx, l)
	if !silenced {
		return nil, inhibited
	}
	by := &Silenced{}
	list, _, err := am.silences.Query(ctx, silence.QState(silence.SilenceStateActive), silence.QMatches(l))
	if err != nil {
		am.log.Warn("silences could not be asked", "err", err)
		return by, inhibited
	}
	for _, s := range list {
		if until := s.EndsAt.AsTime(); until.After(by.Until) {
			by.By, by.Comment, by.Until = s.CreatedBy, s.Comment, until
		}
	}
	return by, inhibited
}

// told tells whether a group is known to the channel as firing.
func (am *alertmanager) told(group string) bool {
	said, err := am.nflog.Query(nflog.QGroupKey(group), nflog.QReceiver(&nflogpb.Receiver{GroupName: receiverName, Integration: integrationName}))
	if err != nil && !errors.Is(err, nflog.ErrNotFound) {
		am.log.Warn("notification log could not be asked", "err", err)
	}
	return len(said) > 0 && len(said[0].FiringAlerts) > 0
}

// remember writes the notification log after each notification: it is what
// keeps a thing from being said twice. Only when that is on disk may the ledger
// forget what ended.
func (am *alertmanager) remember(next notify.Stage) notify.Stage {
	return notify.StageFunc(func(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
		group, _ := notify.GroupKey(ctx)
		ctx, alerts, err := next.Exec(ctx, l, alerts...)
		if ended := am.receiver.takeEnded(group); err == nil {
			if failed := am.saveLog(); failed != nil {
				am.log.Error("notification log could not be written", "err", failed)
			} else if len(ended) > 0 {
				am.forget(ended)
			}
		}
		return ctx, alerts, err
	})
}

// saveLog writes the notification log, if something was said since.
func (am *alertmanager) saveLog() error {
	am.saving.Lock()
	defer am.saving.Unlock()
	return snapshot(am.nflogFile, am.nflog)
}

// noteChanges does the same for silences made through the API. The response
// waits for the disk: a silence that was acknowledged survives kill -9.
func (am *alertmanager) noteChanges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		held := &heldResponse{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(held, r)
		if held.status < http.StatusMultipleChoices {
			if err := snapshot(am.silFile, am.silences); err != nil {
				am.log.Error("silences could not be written", "err", err)
				http.Error(w, "the silence holds, but could not be written to disk: a restart would forget it", http.StatusInternalServerError)
				return
			}
		}
		held.flush()
	})
}

// heldResponse keeps an answer until it is true.
type heldResponse struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (h *heldResponse) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter.
func (h *heldResponse) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heldResponse) flush() {
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes())
}

// maintain forgets what is old until ctx ends.
func (am *alertmanager) maintain(ctx context.Context) {
	tidy := time.NewTicker(maintainForget)
	defer tidy.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tidy.C:
		}
		if _, err := am.nflog.GC(); err != nil {
			am.log.Warn("notification log could not be tidied", "err", err)
		}
		if _, err := am.silences.GC(); err != nil {
			am.log.Warn("silences could not be tidied", "err", err)
		}
	}
}

func (am *alertmanager) stop() {
	if d := am.dispatcher.Load(); d != nil {
		d.Stop()
	}
	if i := am.inhibitor.Load(); i != nil {
		i.Stop()
	}
	if err := errors.Join(am.saveLog(), snapshot(am.silFile, am.silences)); err != nil {
		am.log.Error("notification log and silences could not be written", "err", err)
	}
	am.alerts.Close()
}

func snapshot(path string, from interface {
	Snapshot(w io.Writer) (int64, error)
},
) error {
	var b bytes.Buffer
	if _, err := from.Snapshot(&b); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return writeFile(path, b.Bytes())
}
