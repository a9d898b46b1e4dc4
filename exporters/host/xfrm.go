//go:build linux

package host

import (
	"bytes"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/frame"
)

// xfrmCounters are the lines of /proc/net/xfrm_stat that node_exporter knows
// (Documentation/networking/xfrm_proc.rst).
var xfrmCounters = map[string]*frame.Family{
	"XfrmInError":             xfrmCounter("in_error", "that came in with an error not counted elsewhere"),
	"XfrmInBufferError":       xfrmCounter("in_buffer_error", "that came in while no memory was left"),
	"XfrmInHdrError":          xfrmCounter("in_hdr_error", "that came in with a bad header"),
	"XfrmInNoStates":          xfrmCounter("in_no_states", "that came in for no association: its SPI, address or protocol is wrong"),
	"XfrmInStateProtoError":   xfrmCounter("in_state_proto_error", "that came in and could not be opened: the key is wrong, say"),
	"XfrmInStateModeError":    xfrmCounter("in_state_mode_error", "that came in with an error of the mode"),
	"XfrmInStateSeqError":     xfrmCounter("in_state_seq_error", "that came in out of the window of sequence numbers"),
	"XfrmInStateExpired":      xfrmCounter("in_state_expired", "that came in for an association that has expired"),
	"XfrmInStateMismatch":     xfrmCounter("in_state_mismatch", "that came in for an association with other options"),
	"XfrmInStateInvalid":      xfrmCounter("in_state_invalid", "that came in for an association that is not valid"),
	"XfrmInTmplMismatch":      xfrmCounter("in_tmpl_mismatch", "that came in and fit no template of the association"),
	"XfrmInNoPols":            xfrmCounter("in_no_pols", "that came in for an association without a policy"),
	"XfrmInPolBlock":          xfrmCounter("in_pol_block", "that came in and were dropped by a policy"),
	"XfrmInPolError":          xfrmCounter("in_pol_error", "that came in and met an error of the policy"),
	"XfrmOutError":            xfrmCounter("out_error", "that were to go out, with an error not counted elsewhere"),
	"XfrmOutBundleGenError":   xfrmCounter("out_bundle_gen_error", "that were to go out, for which no bundle could be made"),
	"XfrmOutBundleCheckError": xfrmCounter("out_bundle_check_error", "that were to go out, whose bundle was not valid"),
	"XfrmOutNoStates":         xfrmCounter("out_no_states", "that were to go out, without an association"),
	"XfrmOutStateProtoError":  xfrmCounter("out_state_proto_error", "that were to go out, with an error of the protocol"),
	"XfrmOutStateModeError":   xfrmCounter("out_state_mode_error", "that were to go out, with an error of the mode"),
	"XfrmOutStateSeqError":    xfrmCounter("out_state_seq_error", "that were to go out when the sequence numbers had run out"),
	"XfrmOutStateExpired":     xfrmCounter("out_state_expired", "that were to go out by an association that has expired"),
	"XfrmOutPolBlock":         xfrmCounter("out_pol_block", "that were to go out and were dropped by a policy"),
	"XfrmOutPolDead":          xfrmCounter("out_pol_dead", "that were to go out under a policy that is dead"),
	"XfrmOutPolError":         xfrmCounter("out_pol_error", "that were to go out and met an error of the policy"),
	"XfrmFwdHdrError":         xfrmCounter("fwd_hdr_error", "that were to be forwarded and had a bad header"),
	"XfrmOutStateInvalid":     xfrmCounter("out_state_invalid", "that were to go out by an association that is not valid"),
	"XfrmAcquireError":        xfrmCounter("acquire_error", "that were to go out before an association was complete"),
}

func xfrmCounter(name, which string) *frame.Family {
	return &frame.Family{Name: "node_xfrm_" + name + "_packets_total", Type: frame.Counter, Help: "Packets of IPsec " + which + "."}
}

// xfrm is the collector xfrm: what the kernel's IPsec has dropped.
type xfrm struct{ roots *roots }

func newXFRM(r *roots) *xfrm { return &xfrm{roots: r} }

// Name implements frame.Collector.
func (c *xfrm) Name() string { return "xfrm" }

// Families implements frame.Collector.
func (c *xfrm) Families() []*frame.Family {
	return slices.SortedFunc(maps.Values(xfrmCounters), func(a, b *frame.Family) int { return strings.Compare(a.Name, b.Name) })
}

// Collect implements frame.Collector.
func (c *xfrm) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "net/xfrm_stat"), func(line []byte) bool {
		word, value := nextField(line)
		family, known := xfrmCounters[string(word)]
		if !known {
			return bytes.HasPrefix(word, []byte("Xfrm")) // of a newer kernel
		}
		n, ok := number(bytes.TrimSpace(value))
		if ok {
			s.Send(family, float64(n))
		}
		return ok
	})
}
