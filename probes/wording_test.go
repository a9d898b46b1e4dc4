package probes

import (
	"strings"
	"testing"
	"time"
)

// TestResult_whatIsWellIsSaidAsItIs has the account, the line and the plugin say
// the same of a look that went well, went well but for something, or found a
// port closed that must be.
func TestResult_whatIsWellIsSaidAsItIs(t *testing.T) {
	t.Parallel()
	well := Result{Name: "base", Target: "tcp://db1.ville.example:5432", Success: true, Duration: 2 * time.Millisecond}
	closed, faulty := well, well
	closed.Closed = true
	faulty.Faults = []string{"ns2 is silent", "ns3 is late"}
	for _, c := range []struct {
		name                 string
		result               Result
		account, line, nagio string
	}{
		{"up", well, "UP after 2.00 ms\n", "UP     2.00 ms  base tcp://db1.ville.example:5432\n", "OK - tcp://db1.ville.example:5432: up after 2.00 ms |"},
		{
			"closed", closed, "UP: closed, as it must be, after 2.00 ms\n", "UP     2.00 ms  base tcp://db1.ville.example:5432  closed, as it must be\n",
			"OK - tcp://db1.ville.example:5432: closed, as it must be after 2.00 ms |",
		},
		{
			"up but", faulty, "UP after 2.00 ms\nbut ns2 is silent\nbut ns3 is late\n",
			"UP     2.00 ms  base tcp://db1.ville.example:5432  but ns2 is silent; ns3 is late\n",
			"WARNING - tcp://db1.ville.example:5432: up, but ns2 is silent; ns3 is late |",
		},
	} {
		var account, line, nagios strings.Builder
		if err := WriteText(&account, &c.result, false); err != nil || account.String() != c.account {
			t.Errorf("%s: the account is %q, %v", c.name, account.String(), err)
		}
		if err := WriteLine(&line, &c.result, false); err != nil || line.String() != c.line {
			t.Errorf("%s: the line is %q, %v", c.name, line.String(), err)
		}
		if _, err := WriteNagios(&nagios, &c.result, NagiosLimits{}); err != nil || !strings.Contains(nagios.String(), c.nagio) {
			t.Errorf("%s: the plugin says %q, %v", c.name, nagios.String(), err)
		}
	}
}
