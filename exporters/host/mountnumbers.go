//go:build linux

package host

import "tocsin/internal/frame"

var (
	mountPointInfo = &frame.Family{
		Name: "node_mountstats_nfs_mountpoint_info", Labels: []string{"export", "protocol", "mountaddr", "mountpoint"},
		Help: "Where an export of an NFS server is mounted; always 1.",
	}
	mountAge = mountCounter("age_seconds_total", "Seconds since it was mounted.").family
)

// A mountNumber is one number of a line of mountstats: its unit, and its
// family, which is nil where it is not sent.
type mountNumber struct {
	family *frame.Family
	unit   float64
}

func mountCounter(name, help string, label ...string) mountNumber {
	return mountNumber{unit: 1, family: &frame.Family{
		Name: "node_mountstats_nfs_" + name, Type: frame.Counter, Help: help,
		Labels: append([]string{"export", "protocol", "mountaddr"}, label...),
	}}
}

// mountBytes is the line bytes (linux/nfs_iostat.h, enum nfs_stat_bytecounters).
var mountBytes = []mountNumber{
	mountCounter("read_bytes_total", "Bytes that programs read."),
	mountCounter("write_bytes_total", "Bytes that programs wrote."),
	mountCounter("direct_read_bytes_total", "Bytes that programs read past the cache (O_DIRECT)."),
	mountCounter("direct_write_bytes_total", "Bytes that programs wrote past the cache (O_DIRECT)."),
	mountCounter("total_read_bytes_total", "Bytes read from the server."),
	mountCounter("total_write_bytes_total", "Bytes written to the server."),
	mountCounter("read_pages_total", "Pages read from the server."),
	mountCounter("write_pages_total", "Pages written to the server."),
}

// mountEvents is the line events (linux/nfs_iostat.h, enum nfs_stat_eventcounters).
var mountEvents = []mountNumber{
	mountCounter("event_inode_revalidate_total", "How often kept attributes were checked with the server."),
	mountCounter("event_dnode_revalidate_total", "How often kept names were checked with the server."),
	mountCounter("event_data_invalidate_total", "How often a file's kept data were thrown away."),
	mountCounter("event_attribute_invalidate_total", "How often a file's kept attributes were thrown away."),
	mountCounter("event_vfs_open_total", "Files and folders opened."),
	mountCounter("event_vfs_lookup_total", "Names looked up in folders."),
	mountCounter("event_vfs_access_total", "Permissions asked for."),
	mountCounter("event_vfs_update_page_total", "Pages changed."),
	mountCounter("event_vfs_read_page_total", "Pages read one by one."),
	mountCounter("event_vfs_read_pages_total", "Groups of pages read."),
	mountCounter("event_vfs_write_page_total", "Pages written one by one."),
	mountCounter("event_vfs_write_pages_total", "Groups of pages written."),
	mountCounter("event_vfs_getdents_total", "How often the names in a folder were listed."),
	mountCounter("event_vfs_setattr_total", "How often attributes were set."),
	mountCounter("event_vfs_flush_total", "How often what was written had to be sent to the server."),
	mountCounter("event_vfs_fsync_total", "How often programs waited until data were safe (fsync)."),
	mountCounter("event_vfs_lock_total", "Locks asked for."),
	mountCounter("event_vfs_file_release_total", "Files closed."),
	{}, // waits for congestion: newer kernels have it no more
	mountCounter("event_truncation_total", "Files cut short."),
	mountCounter("event_write_extension_total", "Files that grew because something was written past their end."),
	mountCounter("event_silly_rename_total", "Files removed while they were open, and renamed until they are closed."),
	mountCounter("event_short_read_total", "Reads of which the server gave less than was asked for."),
	mountCounter("event_short_write_total", "Writes of which the server took less than was sent."),
	mountCounter("event_jukebox_delay_total", "How often the server said to try again later (EJUKEBOX)."),
	mountCounter("event_pnfs_read_total", "Reads from data servers (pNFS)."),
	mountCounter("event_pnfs_write_total", "Writes to data servers (pNFS)."),
}

// mountTransport is the line xprt of a TCP connection (net/sunrpc/xprtsock.c,
// xs_tcp_print_stats).
var mountTransport = []mountNumber{
	{}, // the port on this side
	mountCounter("transport_bind_total", "How often a port had to be found on this side.", "transport"),
	mountCounter("transport_connect_total", "TCP connections made to the server.", "transport"),
	{}, // time spent connecting
	{unit: 1, family: &frame.Family{
		Name: "node_mountstats_nfs_transport_idle_time_seconds", Labels: []string{"export", "protocol", "mountaddr", "transport"},
		Help: "Seconds since the connection was used.",
	}},
	mountCounter("transport_sends_total", "Calls sent to the server.", "transport"),
	mountCounter("transport_receives_total", "Answers received from the server.", "transport"),
	mountCounter("transport_bad_transaction_ids_total", "Answers that belonged to no call.", "transport"),
	{}, // calls without an answer yet, added up
	mountCounter("transport_backlog_queue_total", "Calls that waited for a slot, added up at each call.", "transport"),
	{unit: 1, family: &frame.Family{
		Name: "node_mountstats_nfs_transport_maximum_rpc_slots", Labels: []string{"export", "protocol", "mountaddr", "transport"},
		Help: "The most calls that were ever under way at once.",
	}},
	mountCounter("transport_sending_queue_total", "Calls that waited to be sent, added up at each call.", "transport"),
	mountCounter("transport_pending_queue_total", "Calls that waited for an answer, added up at each call.", "transport"),
}

// mountTransportColumns says for each protocol which of mountTransport its
// numbers are, and how many there are at least: since statvers 1.1 (Linux 3.3)
// three more. UDP does not connect, and RDMA has numbers of its own after ten.
var mountTransportColumns = map[string]struct {
	atLeast int
	places  []int
}{
	"tcp":  {10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	"udp":  {7, []int{0, 1, 5, 6, 7, 8, 9, 10, 11, 12}},
	"rdma": {10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
}

// mountOperation is a line of one operation (net/sunrpc/stats.c,
// rpc_clnt_show_stats); newer kernels count errors after that.
var mountOperation = []mountNumber{
	mountCounter("operations_requests_total", "Requests made.", "operation"),
	mountCounter("operations_transmissions_total", "How often requests were sent, repeats included.", "operation"),
	mountCounter("operations_major_timeouts_total", "How often a request got no answer in all its time.", "operation"),
	mountCounter("operations_sent_bytes_total", "Bytes sent, with headers.", "operation"),
	mountCounter("operations_received_bytes_total", "Bytes received, with headers.", "operation"),
	mountMilliseconds("operations_queue_time_seconds_total", "Seconds that requests waited to be sent."),
	mountMilliseconds("operations_response_time_seconds_total", "Seconds that requests waited for their answers."),
	mountMilliseconds("operations_request_time_seconds_total", "Seconds that requests took in all."),
}

func mountMilliseconds(name, help string) mountNumber {
	n := mountCounter(name, help, "operation")
	n.unit = 1.0 / 1000
	return n
}
