package dashboards

// drawHost draws the machines: all of them side by side, then each by itself.
func drawHost(l *limits) board {
	const filled = `max by (job, instance, mountpoint) (
		(node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope})
		/ (node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope} + node_filesystem_avail_bytes{$scope})
		unless node_filesystem_readonly{$scope} == 1)`
	return draw(hostUID, "Host", "The machines of the site: processors, memory, disks, network, and whether all of it is measured.",
		"host", "node_boot_time_seconds", `,host!=""`,
		section{title: "Now", panels: []panel{
			stat("Up for", "How long each machine has been running.", "s", "Not measured",
				ask(`max by (instance) (node_time_seconds{$scope} - node_boot_time_seconds{$scope})`, "{{instance}}")),
			stat("Processors in use", "The share of all processors that was busy in the last minutes.", "percentunit", "Not measured",
				ask(`1 - avg by (instance) (rate(node_cpu_seconds_total{$scope,mode="idle"}[$__rate_interval]))`, "{{instance}}")).decimals(0),
			stat("Memory available", "The share of the memory that programs can still have, caches counted as available.", "percentunit", "Not measured",
				ask(`min by (instance) (node_memory_MemAvailable_bytes{$scope} / node_memory_MemTotal_bytes{$scope})`, "{{instance}}")).
				decimals(0).ringing(l, "HostMemoryLow"),
			stat("Fullest file system", "How full the fullest file system of each machine is, as df counts it.", "percentunit", "Not measured",
				ask(`max by (instance) (`+filled+`)`, "{{instance}}")).decimals(0).ringing(l, "HostDiskFull"),
			stat("Clock off by", "How far the machine's clock is from that of the machine that asks.", "s", "Not measured",
				ask(`max by (instance) (abs(node_time_seconds{$scope} - timestamp(node_time_seconds{$scope})))`, "{{instance}}")).
				decimals(3).ringing(l, "HostClockOff"),
			stat("Not measured", "Collectors whose newest run failed. The status page has the error in words.", "none", "Not measured",
				ask(`sum by (instance) ((tocsin_collector_success{$scope} == bool 0) and on (job, instance) node_boot_time_seconds{$scope})`, "{{instance}}")).counting(warning),
		}},
		section{title: "Processors and memory", panels: []panel{
			series("Processors in use", "The share of all processors of each machine that is busy.", "percentunit",
				ask(`1 - avg by (instance) (rate(node_cpu_seconds_total{$scope,mode="idle"}[$__rate_interval]))`, "{{instance}}")).ratio(),
			series("Load by processor", "Processes that run or wait for a processor or a disk, by the number of processors. Above 1 some wait.", "none",
				ask(`max by (instance) (node_load5{$scope}) / count by (instance) (rate(node_cpu_seconds_total{$scope,mode="idle"}[$__rate_interval]))`, "{{instance}}")).fromZero(),
			series("Memory available", "The share of the memory that programs can still have.", "percentunit",
				ask(`min by (instance) (node_memory_MemAvailable_bytes{$scope} / node_memory_MemTotal_bytes{$scope})`, "{{instance}}")).
				ratio().ringing(l, "HostMemoryLow"),
			series("Swap in use", "How much of what was in memory has been moved to disk. A machine without swap shows zero.", "bytes",
				ask(`max by (instance) (node_memory_SwapTotal_bytes{$scope} - node_memory_SwapFree_bytes{$scope})`, "{{instance}}")).fromZero(),
		}},
		section{title: "Disks", panels: []panel{
			bars("File systems", "How full each file system that can be written to is, as df counts it.", "percentunit",
				ask(filled, "{{instance}} {{mountpoint}}")).ratio().ringing(l, "HostDiskFull"),
			bars("Inodes", "The share of each file system's inodes that is used. Without one no file can be made, though bytes are left.", "percentunit",
				ask(`max by (job, instance, mountpoint) (1 - node_filesystem_files_free{$scope} / node_filesystem_files{$scope}
					unless node_filesystem_readonly{$scope} == 1)`, "{{instance}} {{mountpoint}}")).ratio().ringing(l, "HostInodesFull"),
			series("Space left", "The bytes that programs can still write to each file system.", "bytes",
				ask(`min by (instance, mountpoint) (node_filesystem_avail_bytes{$scope})`, "{{instance}} {{mountpoint}}")).fromZero(),
			series("Disks busy", "The share of the time in which each disk had something to do.", "percentunit",
				ask(`max by (instance, device) (rate(node_disk_io_time_seconds_total{$scope}[$__rate_interval]))`, "{{instance}} {{device}}")).fromZero(),
			series("Read and written", "Bytes a second from (above) and to (below) each disk.", "Bps",
				ask(`sum by (instance, device) (rate(node_disk_read_bytes_total{$scope}[$__rate_interval]))`, "{{instance}} {{device}} read"),
				ask(`-sum by (instance, device) (rate(node_disk_written_bytes_total{$scope}[$__rate_interval]))`, "{{instance}} {{device}} written")),
			series("Operations", "Reads (above) and writes (below) that each disk completed a second.", "iops",
				ask(`sum by (instance, device) (rate(node_disk_reads_completed_total{$scope}[$__rate_interval]))`, "{{instance}} {{device}} reads"),
				ask(`-sum by (instance, device) (rate(node_disk_writes_completed_total{$scope}[$__rate_interval]))`, "{{instance}} {{device}} writes")),
		}},
		section{title: "Network", panels: []panel{
			series("Traffic", "Bits a second that each interface received (above) and sent (below).", "bps",
				ask(`8 * sum by (instance, device) (rate(node_network_receive_bytes_total{$scope,device!="lo"}[$__rate_interval]))`, "{{instance}} {{device}} in"),
				ask(`-8 * sum by (instance, device) (rate(node_network_transmit_bytes_total{$scope,device!="lo"}[$__rate_interval]))`, "{{instance}} {{device}} out")),
			series("Errors and drops", "Packets a second that were damaged, or thrown away for lack of room.", "pps",
				ask(`sum by (instance, device) (rate(node_network_receive_errs_total{$scope,device!="lo"}[$__rate_interval])
					+ rate(node_network_transmit_errs_total{$scope,device!="lo"}[$__rate_interval]))`, "{{instance}} {{device}} errors"),
				ask(`sum by (instance, device) (rate(node_network_receive_drop_total{$scope,device!="lo"}[$__rate_interval])
					+ rate(node_network_transmit_drop_total{$scope,device!="lo"}[$__rate_interval]))`, "{{instance}} {{device}} drops")).fromZero(),
		}},
		section{title: "$instance", repeat: "instance", panels: []panel{
			series("Processors by use", "What the processors spend their time on. Much iowait: the disks are slow; much steal: the hypervisor is busy.", "percentunit",
				ask(`avg by (mode) (rate(node_cpu_seconds_total{$scope,mode!="idle"}[$__rate_interval]))`, "{{mode}}")).stacked().fromZero(),
			series("Memory by use", "What the memory is used for. Caches are given back when programs want more.", "bytes",
				ask(`sum(node_memory_MemTotal_bytes{$scope} - node_memory_MemAvailable_bytes{$scope})`, "used"),
				ask(`sum(node_memory_MemAvailable_bytes{$scope} - node_memory_MemFree_bytes{$scope})`, "caches"),
				ask(`sum(node_memory_MemFree_bytes{$scope})`, "free")).stacked().fromZero(),
			series("Load", "Processes that run or wait, averaged over 1, 5 and 15 minutes.", "none",
				ask(`max(node_load1{$scope})`, "1 min"), ask(`max(node_load5{$scope})`, "5 min"), ask(`max(node_load15{$scope})`, "15 min")).fromZero(),
			series("Processes", "Processes that run now, and that are blocked by a disk.", "none",
				ask(`max(node_procs_running{$scope})`, "running"), ask(`max(node_procs_blocked{$scope})`, "blocked")).fromZero(),
			series("Forks and switches", "New processes and changes between processes, a second.", "ops",
				ask(`max(rate(node_forks_total{$scope}[$__rate_interval]))`, "forks"),
				ask(`max(rate(node_context_switches_total{$scope}[$__rate_interval]))`, "switches")).fromZero(),
			series("Time to measure", "How long the newest run of each collector took.", "s",
				ask(`max by (collector) (tocsin_collector_duration_seconds{$scope} and on (job, instance) node_boot_time_seconds{$scope})`, "{{collector}}")).fromZero(),
		}},
	)
}
