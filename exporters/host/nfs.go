//go:build linux

package host

import "tocsin/internal/frame"

var (
	nfsPackets     = &frame.Family{Name: "node_nfs_packets_total", Type: frame.Counter, Labels: []string{"protocol"}, Help: "Packets of NFS, by protocol: udp or tcp."}
	nfsConnections = nfsCounter("connections_total", "TCP connections made for NFS.")
	nfsRPCs        = nfsCounter("rpcs_total", "Calls made to NFS servers.")
	nfsRetransmits = nfsCounter("rpc_retransmissions_total", "Calls sent again, since no answer came.")
	nfsRefreshes   = nfsCounter("rpc_authentication_refreshes_total", "How often credentials had to be renewed.")
	nfsRequests    = &frame.Family{
		Name: "node_nfs_requests_total", Type: frame.Counter, Labels: []string{"proto", "method"},
		Help: "Calls made, by NFS version (2, 3, 4) and procedure.",
	}
)

func nfsCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_nfs_" + name, Type: frame.Counter, Help: help}
}

// The procedures of each version, in the order of the kernel's tables
// (fs/nfs/nfs2xdr.c, nfs3xdr.c, nfs4xdr.c), as node_exporter spells them.
const (
	nfsProcedures2 = `Null GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink
		MkDir RmDir ReadDir FsStat`
	nfsProcedures3 = `Null GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir
		Rename Link ReadDir ReadDirPlus FsStat FsInfo PathConf Commit`
	nfsProcedures4 = `Null Read Write Commit Open OpenConfirm OpenNoattr OpenDowngrade Close Setattr FsInfo Renew
		SetClientID SetClientIDConfirm Lock Lockt Locku Access Getattr Lookup LookupRoot Remove Rename Link Symlink
		Create Pathconf StatFs ReadLink ReadDir ServerCaps DelegReturn GetACL SetACL FsLocations ReleaseLockowner
		Secinfo FsidPresent ExchangeID CreateSession DestroySession Sequence GetLeaseTime ReclaimComplete
		GetDeviceInfo LayoutGet LayoutCommit LayoutReturn SecinfoNoName TestStateID FreeStateID GetDeviceList
		BindConnToSession DestroyClientID Seek Allocate DeAllocate LayoutStats Clone`
)

// newNFS makes the collector nfs: what this machine asks of NFS servers.
func newNFS(r *roots) *sunrpc {
	return newSunRPC(r, "nfs", map[string]rpcLine{
		"net": {values: []rpcValue{
			{}, {nfsPackets, []string{"udp"}}, {nfsPackets, []string{"tcp"}}, {nfsConnections, nil},
		}},
		"rpc":   {values: []rpcValue{{nfsRPCs, nil}, {nfsRetransmits, nil}, {nfsRefreshes, nil}}},
		"proc2": rpcProcedures(nfsRequests, "2", 18, nfsProcedures2),
		"proc3": rpcProcedures(nfsRequests, "3", 22, nfsProcedures3),
		"proc4": rpcProcedures(nfsRequests, "4", 1, nfsProcedures4),
	})
}
