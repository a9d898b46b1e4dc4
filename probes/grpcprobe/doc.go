// Package grpcprobe asks a gRPC server by the standard health service whether
// it, or one service of it, serves.
//
// Its metrics have blackbox_exporter's names and meanings.
package grpcprobe
