package postgres

// buffercache is what the server's own cache holds, by the extension
// pg_buffercache, which takes no lock for it (from version 16 on).
var buffercache = &query{
	name: "buffercache_summary", onDemand: true, extension: "pg_buffercache",
	values: []value{
		gauge("buffers_used", "pg_buffercache_summary_buffers_used", "Buffers in use."),
		gauge("buffers_unused", "pg_buffercache_summary_buffers_unused", "Buffers not in use."),
		gauge("buffers_dirty", "pg_buffercache_summary_buffers_dirty", "Buffers that are to be written."),
		gauge("buffers_pinned", "pg_buffercache_summary_buffers_pinned", "Buffers that somebody reads at the moment."),
		zero(gauge("usagecount_avg", "pg_buffercache_summary_usagecount_avg", "How often a buffer in use was used, on average, 5 at most.")),
	},
	variants: []variant{{v16, `SELECT buffers_used, buffers_unused, buffers_dirty, buffers_pinned, usagecount_avg FROM {schema}.pg_buffercache_summary()`}},
}
