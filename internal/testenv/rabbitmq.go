package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Broker is a RabbitMQ that runs for one test, with the user guest, password
// guest. Its statistics are renewed every five seconds.
type Broker struct {
	*Process
	AMQP       string // amqp://127.0.0.1:PORT
	Management string // http://127.0.0.1:PORT, of the management API
	Prometheus string // http://127.0.0.1:PORT, of its own metrics
	Node       string // the node's name
}

// RabbitMQ runs Debian's RabbitMQ with its management and prometheus plugins,
// as the user rabbitmq where the test is root, and returns it once its
// clients can connect: after four to eight seconds. The conf is added to
// rabbitmq.conf.
//
// The scripts in /usr/sbin are not for us: they write to the system's folders.
// The name server of Erlang (epmd) is one of our own; a node that finds none
// would start one that outlives it.
func RabbitMQ(t testing.TB, conf string) *Broker {
	t.Helper()
	Program(t, "rabbitmqctl", "rabbitmq-server")
	const server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	epmd := Program(t, "epmd", "erlang-base")
	home := folderOf(t, "rabbitmq")
	names := Port(t)
	Start(t, epmd, "-address", "127.0.0.1", "-port", fmt.Sprint(names))

	local := func() string { return fmt.Sprintf("127.0.0.1:%d", Port(t)) }
	b := &Broker{AMQP: local(), Management: local(), Prometheus: local(), Node: "tocsin@localhost"}
	home.write(t, ".erlang.cookie", 0o400, "TOCSINCOOKIE0123456789")
	home.write(t, "enabled_plugins", 0o600, "[rabbitmq_management,rabbitmq_prometheus].\n")
	home.write(t, "rabbitmq.conf", 0o600, fmt.Sprintf(`listeners.tcp.default = %s
management.tcp.ip = 127.0.0.1
management.tcp.port = %s
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = %s
loopback_users.guest = true
%s
`, b.AMQP, b.Management[len("127.0.0.1:"):], b.Prometheus[len("127.0.0.1:"):], conf))
	cmd := exec.Command(server)
	cmd.Dir, cmd.SysProcAttr = home.path, home.as
	cmd.Env = append(os.Environ(),
		"HOME="+home.path,
		"RUNNING_UNDER_SYSTEMD=true", // the script becomes the node, in place of its parent
		"RABBITMQ_NODENAME="+b.Node,
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", Port(t)),
		fmt.Sprintf("ERL_EPMD_PORT=%d", names),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_MNESIA_BASE="+filepath.Join(home.path, "mnesia"),
		"RABBITMQ_LOG_BASE="+filepath.Join(home.path, "log"),
		"RABBITMQ_LOGS=-",
		"RABBITMQ_CONFIG_FILE="+filepath.Join(home.path, "rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(home.path, "enabled_plugins"),
		"RABBITMQ_PID_FILE="+filepath.Join(home.path, "node.pid"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null", // not the system's
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
	)
	b.Process = StartCmd(t, cmd)
	b.AMQP, b.Management, b.Prometheus = "amqp://"+b.AMQP, "http://"+b.Management, "http://"+b.Prometheus
	b.waitHTTP(t, b.Management+"/api/overview")
	Eventually(t, httpPatience, b.AMQP, func(ctx context.Context) error { // the last to listen
		if err := b.alive(); err != nil {
			return err
		}
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(b.AMQP, "amqp://"))
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return b
}
