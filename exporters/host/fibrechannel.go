//go:build linux

package host

import (
	"context"
	"errors"
	"math"
	"strings"

	"tocsin/internal/frame"
)

var fibreInfo = &frame.Family{
	Name: "node_fibrechannel_info",
	Labels: []string{
		"fc_host", "speed", "port_state", "port_type", "port_id", "port_name", "fabric_name", "symbolic_name",
		"supported_classes", "supported_speeds", "dev_loss_tmo",
	},
	Help: "What the Fibre Channel port is, in words; always 1.",
}

// fibreTexts are the files of fibreInfo's labels after the first, in their
// order; those that are addresses lose their 0x.
var fibreTexts = []string{
	"speed", "port_state", "port_type", "port_id", "port_name", "fabric_name", "symbolic_name",
	"supported_classes", "supported_speeds", "dev_loss_tmo",
}

// fibreCounters are the files in statistics (include/scsi/scsi_transport_fc.h).
var fibreCounters = []struct {
	file   string
	family *frame.Family
}{
	{"dumped_frames", fibreCounter("dumped_frames_total", "Frames thrown away.")},
	{"error_frames", fibreCounter("error_frames_total", "Frames with an error.")},
	{"invalid_crc_count", fibreCounter("invalid_crc_total", "Frames whose check sum was wrong.")},
	{"rx_frames", fibreCounter("rx_frames_total", "Frames received.")},
	{"rx_words", fibreCounter("rx_words_total", "Words of four bytes received.")},
	{"tx_frames", fibreCounter("tx_frames_total", "Frames sent.")},
	{"tx_words", fibreCounter("tx_words_total", "Words of four bytes sent.")},
	{"seconds_since_last_reset", fibreCounter("seconds_since_last_reset_total", "Seconds since the port was reset.")},
	{"invalid_tx_word_count", fibreCounter("invalid_tx_words_total", "Words that were not valid transmission words.")},
	{"link_failure_count", fibreCounter("link_failure_total", "How often the link failed.")},
	{"loss_of_sync_count", fibreCounter("loss_of_sync_total", "How often the link lost its synchronisation.")},
	{"loss_of_signal_count", fibreCounter("loss_of_signal_total", "How often the signal was lost.")},
	{"nos_count", fibreCounter("nos_total", "How often the other side said that it is not operational.")},
	{"fcp_packet_aborts", fibreCounter("fcp_packet_aborts_total", "SCSI requests that were aborted.")},
}

func fibreCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_fibrechannel_" + name, Type: frame.Counter, Labels: []string{"fc_host"}, Help: help}
}

// fibrechannel is the collector fibrechannel. It reads sysfs itself: of a
// driver that lacks one counter, procfs and node_exporter make a panic.
type fibrechannel struct{ roots *roots }

func newFibrechannel(r *roots) *fibrechannel { return &fibrechannel{roots: r} }

// Name implements frame.Collector.
func (c *fibrechannel) Name() string { return "fibrechannel" }

// Families implements frame.Collector.
func (c *fibrechannel) Families() []*frame.Family {
	families := []*frame.Family{fibreInfo}
	for _, counter := range fibreCounters {
		families = append(families, counter.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *fibrechannel) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.class(ctx, "fc_host", nil, func(d folder, host string) error {
		a := attributes{folder: d}
		labels := []string{host}
		for _, file := range fibreTexts {
			text := a.text(file)
			if strings.HasSuffix(file, "_id") || file == "port_name" || file == "fabric_name" {
				text = strings.TrimPrefix(text, "0x")
			}
			labels = append(labels, text)
		}
		s.Send(fibreInfo, 1, labels...)
		for _, counter := range fibreCounters {
			// All ones stand for what the adapter does not count.
			if n, ok := a.count("statistics/" + counter.file); ok && n != math.MaxUint64 {
				s.Send(counter.family, float64(n), host)
			}
		}
		return errors.Join(a.errs...)
	})
}
