//go:build linux

package host

import (
	"slices"

	"tocsin/internal/frame"
)

var (
	nfsdPackets = &frame.Family{
		Name: "node_nfsd_packets_total", Type: frame.Counter, Labels: []string{"proto"}, Help: "Packets that came to the NFS server, by protocol: udp or tcp.",
	}
	nfsdErrors = &frame.Family{
		Name: "node_nfsd_rpc_errors_total", Type: frame.Counter, Labels: []string{"error"},
		Help: "Calls that the NFS server refused: ill formed (fmt), not authentic (auth), or from a wrong client (cInt).",
	}
	nfsdRequests = &frame.Family{
		Name: "node_nfsd_requests_total", Type: frame.Counter, Labels: []string{"proto", "method"},
		Help: "Calls that the NFS server served, by NFS version (2, 3, 4) and procedure.",
	}
	nfsdThreads   = &frame.Family{Name: "node_nfsd_server_threads", Help: "Threads of the NFS server."}
	nfsdReadAhead = &frame.Family{
		Name: "node_nfsd_read_ahead_cache_size_blocks", Help: "Size of the read-ahead cache; 0 where the kernel has none any more.",
	}
)

func nfsdCounter(name, help string) rpcValue {
	return rpcValue{family: &frame.Family{Name: "node_nfsd_" + name, Type: frame.Counter, Help: help}}
}

// What node_exporter sends of the server's procedures, in the order of the
// protocols (RFC 1094, RFC 1813, RFC 8881); - stands for what it does not.
const (
	nfsdProcedures2 = `- GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink
		MkDir RmDir ReadDir FsStat`
	nfsdProcedures3 = `- GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir
		Rename Link ReadDir ReadDirPlus FsStat FsInfo PathConf Commit`
	nfsdOperations4 = `- - - Access Close Commit Create DelegPurge DelegReturn GetAttr GetFH Link Lock Lockt Locku Lookup
		LookupRoot Nverify Open OpenAttr OpenConfirm OpenDgrd PutFH - - Read ReadDir ReadLink Remove Rename Renew
		RestoreFH SaveFH SecInfo SetAttr SetClientID SetClientIDConfirm Verify Write RelLockOwner`
)

// newNFSd makes the collector nfsd: what this machine serves as NFS server.
func newNFSd(r *roots) *sunrpc {
	return newSunRPC(r, "nfsd", map[string]rpcLine{
		"rc": {values: []rpcValue{
			nfsdCounter("reply_cache_hits_total", "Calls that came twice and were answered from memory."),
			nfsdCounter("reply_cache_misses_total", "Calls whose answers were kept."),
			nfsdCounter("reply_cache_nocache_total", "Calls whose answers need not be kept."),
		}},
		"fh": {values: []rpcValue{nfsdCounter("file_handles_stale_total", "Calls for files that are gone.")}},
		"io": {values: []rpcValue{
			nfsdCounter("disk_bytes_read_total", "Bytes that clients read."),
			nfsdCounter("disk_bytes_written_total", "Bytes that clients wrote."),
		}},
		"th": {values: []rpcValue{{nfsdThreads, nil}}},
		"ra": {values: slices.Concat(
			[]rpcValue{{nfsdReadAhead, nil}},
			make([]rpcValue, 10), // a histogram of how deep the cache was searched
			[]rpcValue{nfsdCounter("read_ahead_cache_not_found_total", "Reads that found no place in the read-ahead cache.")},
		)},
		"net": {values: []rpcValue{
			{},
			{nfsdPackets, []string{"udp"}},
			{nfsdPackets, []string{"tcp"}},
			nfsdCounter("connections_total", "TCP connections that clients made."),
		}},
		"rpc": {values: []rpcValue{
			nfsdCounter("server_rpcs_total", "Calls that came to the NFS server."),
			{},
			{nfsdErrors, []string{"fmt"}},
			{nfsdErrors, []string{"auth"}},
			{nfsdErrors, []string{"cInt"}},
		}},
		"proc2":          rpcProcedures(nfsdRequests, "2", 18, nfsdProcedures2),
		"proc3":          rpcProcedures(nfsdRequests, "3", 22, nfsdProcedures3),
		"proc4ops":       rpcProcedures(nfsdRequests, "4", 39, nfsdOperations4),
		"wdeleg_getattr": {values: []rpcValue{{nfsdRequests, []string{"4", "WdelegGetattr"}}}},
	})
}
