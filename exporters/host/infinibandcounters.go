//go:build linux

package host

import "tocsin/internal/frame"

// infinibandLanes is what counts of data are multiplied by: the specification
// counts words of four bytes (PortXmitData, PortRcvData).
const infinibandLanes = 4

// infinibandCounters are the files of one port that are sent: what the
// specification has in counters, what kernels before 4.5 had in counters_ext,
// and what Mellanox's adapters add in hw_counters.
var infinibandCounters = []infinibandCounter{
	infinibandCount("counters_ext/port_multicast_rcv_packets", "legacy_multicast_packets_received_total", "Multicast packets received, as kernels before 4.5 count them."),
	infinibandCount("counters_ext/port_multicast_xmit_packets", "legacy_multicast_packets_transmitted_total", "Multicast packets sent, as kernels before 4.5 count them."),
	infinibandBytes("counters_ext/port_rcv_data_64", "legacy_data_received_bytes_total", "Bytes received, as kernels before 4.5 count them."),
	infinibandCount("counters_ext/port_rcv_packets_64", "legacy_packets_received_total", "Packets received, as kernels before 4.5 count them."),
	infinibandCount("counters_ext/port_unicast_rcv_packets", "legacy_unicast_packets_received_total", "Unicast packets received, as kernels before 4.5 count them."),
	infinibandCount("counters_ext/port_unicast_xmit_packets", "legacy_unicast_packets_transmitted_total", "Unicast packets sent, as kernels before 4.5 count them."),
	infinibandBytes("counters_ext/port_xmit_data_64", "legacy_data_transmitted_bytes_total", "Bytes sent, as kernels before 4.5 count them."),
	infinibandCount("counters_ext/port_xmit_packets_64", "legacy_packets_transmitted_total", "Packets sent, as kernels before 4.5 count them."),
	infinibandCount("counters/excessive_buffer_overrun_errors", "excessive_buffer_overrun_errors_total", "Buffer overruns that lasted too long."),
	infinibandCount("counters/link_downed", "link_downed_total", "How often the link went down after an error."),
	infinibandCount("counters/link_error_recovery", "link_error_recovery_total", "How often the link came back after an error."),
	infinibandCount("counters/local_link_integrity_errors", "local_link_integrity_errors_total", "How often there were too many errors on the link at once."),
	infinibandCount("counters/multicast_rcv_packets", "multicast_packets_received_total", "Multicast packets received, those with errors included."),
	infinibandCount("counters/multicast_xmit_packets", "multicast_packets_transmitted_total", "Multicast packets sent, those with errors included."),
	infinibandCount("counters/port_rcv_constraint_errors", "port_constraint_errors_received_total", "Packets received that the port may not take."),
	infinibandCount("counters/port_xmit_constraint_errors", "port_constraint_errors_transmitted_total", "Packets that the port may not send."),
	infinibandBytes("counters/port_rcv_data", "port_data_received_bytes_total", "Bytes received."),
	infinibandBytes("counters/port_xmit_data", "port_data_transmitted_bytes_total", "Bytes sent."),
	infinibandCount("counters/port_rcv_discards", "port_discards_received_total", "Packets received and thrown away."),
	infinibandCount("counters/port_xmit_discards", "port_discards_transmitted_total", "Packets thrown away because the port was down or jammed."),
	infinibandCount("counters/port_rcv_errors", "port_errors_received_total", "Packets received with an error."),
	infinibandCount("counters/port_rcv_packets", "port_packets_received_total", "Packets received, those with errors included."),
	infinibandCount("counters/port_xmit_packets", "port_packets_transmitted_total", "Packets sent, those with errors included."),
	infinibandCount("counters/port_xmit_wait", "port_transmit_wait_total", "Ticks in which the port had something to send and could not."),
	infinibandCount("counters/unicast_rcv_packets", "unicast_packets_received_total", "Unicast packets received, those with errors included."),
	infinibandCount("counters/unicast_xmit_packets", "unicast_packets_transmitted_total", "Unicast packets sent, those with errors included."),
	infinibandCount("counters/port_rcv_remote_physical_errors", "port_receive_remote_physical_errors_total", "Packets received that were marked bad on the way."),
	infinibandCount("counters/port_rcv_switch_relay_errors", "port_receive_switch_relay_errors_total", "Packets that the switch could not pass on."),
	infinibandCount("counters/symbol_error", "symbol_error_total", "Small errors on the lanes of the link."),
	infinibandCount("counters/VL15_dropped", "vl15_dropped_total", "Management packets (VL15) dropped for want of room."),
	infinibandCount("hw_counters/duplicate_request", "duplicate_requests_packets_total", "Requests received that had been served before."),
	infinibandCount("hw_counters/implied_nak_seq_err", "implied_nak_seq_errors_total", "Answers whose number was past the expected one."),
	infinibandCount("hw_counters/local_ack_timeout_err", "local_ack_timeout_errors_total", "How often an acknowledgement did not come in time."),
	infinibandCount("hw_counters/np_cnp_sent", "np_cnp_packets_sent_total", "Congestion notifications sent (RoCEv2)."),
	infinibandCount("hw_counters/np_ecn_marked_roce_packets", "np_ecn_marked_roce_packets_received_total", "Packets received that were marked as congested (RoCEv2)."),
	infinibandCount("hw_counters/out_of_buffer", "out_of_buffer_drops_total", "Packets dropped since no receive buffer had been posted."),
	infinibandCount("hw_counters/out_of_sequence", "out_of_sequence_packets_received_total", "Packets received out of order."),
	infinibandCount("hw_counters/packet_seq_err", "packet_sequence_errors_total", "How often the other side said that packets were missing."),
	infinibandCount("hw_counters/req_cqe_error", "req_cqes_errors_total", "Requests of this side that ended with an error."),
	infinibandCount("hw_counters/req_cqe_flush_error", "req_cqes_flush_errors_total", "Requests of this side that were flushed."),
	infinibandCount("hw_counters/req_remote_access_errors", "req_remote_access_errors_total", "Requests of this side that the other may not serve."),
	infinibandCount("hw_counters/req_remote_invalid_request", "req_remote_invalid_request_errors_total", "Requests of this side that the other found invalid."),
	infinibandCount("hw_counters/resp_cqe_error", "resp_cqes_errors_total", "Answers of this side that ended with an error."),
	infinibandCount("hw_counters/resp_cqe_flush_error", "resp_cqes_flush_errors_total", "Answers of this side that were flushed."),
	infinibandCount("hw_counters/resp_local_length_error", "resp_local_length_errors_total", "Requests received that had a wrong length."),
	infinibandCount("hw_counters/resp_remote_access_errors", "resp_remote_access_errors_total", "Requests received that this side may not serve."),
	infinibandCount("hw_counters/rnr_nak_retry_err", "rnr_nak_retry_packets_received_total", "How often the other side was not ready to receive."),
	infinibandCount("hw_counters/roce_adp_retrans", "roce_adp_retransmits_total", "Adaptive retransmissions (RoCE)."),
	infinibandCount("hw_counters/roce_adp_retrans_to", "roce_adp_retransmits_timeout_total", "Adaptive retransmissions that ran out of time (RoCE)."),
	infinibandCount("hw_counters/roce_slow_restart", "roce_slow_restart_used_total", "How often slow restart was used (RoCE)."),
	infinibandCount("hw_counters/roce_slow_restart_cnps", "roce_slow_restart_cnps_total", "Congestion notifications made by slow restart (RoCE)."),
	infinibandCount("hw_counters/roce_slow_restart_trans", "roce_slow_restart_total", "How often slow restart began (RoCE)."),
	infinibandCount("hw_counters/rp_cnp_handled", "rp_cnp_packets_handled_total", "Congestion notifications received and obeyed."),
	infinibandCount("hw_counters/rp_cnp_ignored", "rp_cnp_ignored_packets_received_total", "Congestion notifications received and ignored."),
	infinibandCount("hw_counters/rx_atomic_requests", "rx_atomic_requests_total", "Atomic requests received."),
	infinibandCount("hw_counters/rx_dct_connect", "rx_dct_connect_requests_total", "Requests received to connect a dynamic transport."),
	infinibandCount("hw_counters/rx_read_requests", "rx_read_requests_total", "Read requests received."),
	infinibandCount("hw_counters/rx_write_requests", "rx_write_requests_total", "Write requests received."),
	infinibandCount("hw_counters/rx_icrc_encapsulated", "rx_icrc_encapsulated_errors_total", "Packets received whose check sum was wrong (RoCE)."),
}

// An infinibandCounter is one file and what its number is multiplied by.
type infinibandCounter struct {
	file   string
	family *frame.Family
	unit   float64
}

func infinibandCount(file, name, help string) infinibandCounter {
	return infinibandCounter{file: file, unit: 1, family: &frame.Family{
		Name: "node_infiniband_" + name, Type: frame.Counter, Labels: []string{"device", "port"}, Help: help,
	}}
}

func infinibandBytes(file, name, help string) infinibandCounter {
	counter := infinibandCount(file, name, help)
	counter.unit = infinibandLanes
	return counter
}
