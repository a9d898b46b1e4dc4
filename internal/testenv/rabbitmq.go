package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A Broker is a node of RabbitMQ that runs for one test, with the user guest,
// password guest. Its statistics are renewed every five seconds.
type Broker struct {
	*Process
	AMQP       string // amqp://127.0.0.1:PORT
	AMQPS      string // amqps://localhost:PORT; empty where it has no certificate
	Management string // http://127.0.0.1:PORT, of the management API
	Prometheus string // http://127.0.0.1:PORT, of its own metrics
	Node       string // the node's name
	Newer      bool   // it is the RabbitMQ 4 of RabbitMQTreeVar

	home  folder
	env   []string // of the node and of the programs that command it
	enter []string // see erlang
}

// RabbitMQ runs Debian's RabbitMQ with its management and prometheus plugins,
// as the user rabbitmq where the test is root, and returns it once its
// clients can connect: after four to eight seconds. The conf is added to
// rabbitmq.conf.
func RabbitMQ(t testing.TB, conf string) *Broker {
	t.Helper()
	b := newErlang(t).node(t, "tocsin", conf)
	b.wait(t)
	return b
}

// RabbitMQTLS is RabbitMQ with a certificate and its key, in PEM, and a port
// for AMQPS beside the other.
func RabbitMQTLS(t testing.TB, conf string, certificate, key []byte) *Broker {
	t.Helper()
	e := newErlang(t)
	e.home.write(t, "cert.pem", 0o600, string(certificate))
	e.home.write(t, "key.pem", 0o600, string(key))
	address := fmt.Sprintf("127.0.0.1:%d", Port(t))
	b := e.node(t, "tocsin", fmt.Sprintf(`listeners.ssl.default = %s
ssl_options.certfile = %[2]s/cert.pem
ssl_options.keyfile = %[2]s/key.pem
ssl_options.verify = verify_none
%s`, address, e.seen, conf))
	b.AMQPS = "amqps://" + strings.Replace(address, "127.0.0.1", "localhost", 1)
	b.wait(t)
	return b
}

// RabbitMQCluster is RabbitMQ with two nodes that know one another as disc
// nodes of one cluster. A node that does not answer the other for five to ten
// seconds counts as gone.
func RabbitMQCluster(t testing.TB, conf string) (first, second *Broker) {
	t.Helper()
	e := newErlang(t)
	e.erl = "-kernel net_ticktime 8" // seconds, a quarter more or less (kernel(6))
	conf += `
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = tocsin@localhost
cluster_formation.classic_config.nodes.2 = second@localhost
`
	first = e.node(t, "tocsin", conf)
	if !first.Newer { // there, the first of the list waits for no other, and all others for it
		first.wait(t) // two that start at once may each become a cluster of one
	}
	second = e.node(t, "second", conf)
	second.wait(t)
	first.wait(t)
	return first, second
}

// RabbitMQTreeVar names the folder into which tools/rabbitmq-4.sh has unpacked
// the RabbitMQ of a newer Debian. Where it is set, brokers run in it (chroot),
// and the test must be root.
const RabbitMQTreeVar = "TOCSIN_RABBITMQ_TREE"

// erlang is what the nodes of one test share: a cookie, and a name server
// (epmd) of their own. A node that finds none would start one that outlives it.
type erlang struct {
	home  folder
	seen  string   // the path of home, as the nodes see it
	enter []string // the command that runs another in the tree; none without one
	names int      // the name server's port
	erl   string   // more arguments to the virtual machine
}

// brokerPatience is how long a node may take to start: on a busy machine it
// is minutes, and nothing is wrong.
const brokerPatience = 3 * time.Minute

// The scripts in /usr/sbin are not for us: they write to the system's folders.
const rabbitmqScripts = "/usr/lib/rabbitmq/bin"

func newErlang(t testing.TB) *erlang {
	t.Helper()
	Program(t, "rabbitmqctl", "rabbitmq-server")
	epmd := Program(t, "epmd", "erlang-base")
	e := &erlang{names: Port(t)}
	if tree := os.Getenv(RabbitMQTreeVar); tree != "" {
		Root(t, "brokers in a tree of their own need chroot")
		e.home = folderIn(t, filepath.Join(tree, "tmp"), "rabbitmq")
		e.enter = []string{
			Program(t, "unshare", "util-linux"), "--root=" + tree, "--mount-proc",
			fmt.Sprint("--setgid=", e.home.gid), fmt.Sprint("--setuid=", e.home.uid), "--",
		}
		e.home.as = nil
		e.seen = strings.TrimPrefix(e.home.path, filepath.Clean(tree))
	} else {
		e.home = folderOf(t, "rabbitmq")
		e.seen = e.home.path
	}
	Start(t, epmd, "-address", "127.0.0.1", "-port", fmt.Sprint(e.names))
	e.home.write(t, ".erlang.cookie", 0o400, "TOCSINCOOKIE0123456789")
	e.home.write(t, "enabled_plugins", 0o600, "[rabbitmq_management,rabbitmq_prometheus].\n")
	return e
}

// node starts a node, and does not wait for it.
func (e *erlang) node(t testing.TB, name, conf string) *Broker {
	t.Helper()
	local := func() string { return fmt.Sprintf("127.0.0.1:%d", Port(t)) }
	b := &Broker{AMQP: local(), Management: local(), Prometheus: local(), Node: name + "@localhost", home: e.home, enter: e.enter, Newer: e.enter != nil}
	e.home.write(t, name+".conf", 0o600, fmt.Sprintf(`listeners.tcp.default = %s
management.tcp.ip = 127.0.0.1
management.tcp.port = %s
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = %s
loopback_users.guest = true
%s
`, b.AMQP, b.Management[len("127.0.0.1:"):], b.Prometheus[len("127.0.0.1:"):], conf))
	b.env = append(os.Environ(),
		"HOME="+e.seen,
		"RUNNING_UNDER_SYSTEMD=true", // the script becomes the node, in place of its parent
		"RABBITMQ_NODENAME="+b.Node,
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", Port(t)),
		fmt.Sprintf("ERL_EPMD_PORT=%d", e.names),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_MNESIA_BASE="+filepath.Join(e.seen, "mnesia"),
		"RABBITMQ_LOG_BASE="+filepath.Join(e.seen, "log"),
		"RABBITMQ_LOGS=-",
		"RABBITMQ_CONFIG_FILE="+filepath.Join(e.seen, name+".conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(e.seen, "enabled_plugins"),
		"RABBITMQ_PID_FILE="+filepath.Join(e.seen, name+".pid"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null", // not the system's
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} "+e.erl,
	)
	b.Process = StartCmd(t, b.command(exec.Command(filepath.Join(rabbitmqScripts, "rabbitmq-server"))))
	b.AMQP, b.Management, b.Prometheus = "amqp://"+b.AMQP, "http://"+b.Management, "http://"+b.Prometheus
	return b
}

func (b *Broker) command(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir, cmd.SysProcAttr, cmd.Env = b.home.path, b.home.as, b.env
	if b.enter != nil {
		cmd.Args = slices.Concat(b.enter, []string{cmd.Path}, cmd.Args[1:])
		cmd.Path = cmd.Args[0]
	}
	return cmd
}

// wait returns once the node's clients can connect.
func (b *Broker) wait(t testing.TB) {
	t.Helper()
	client := waitClient()
	Eventually(t, brokerPatience, b.Management, func(ctx context.Context) error {
		return errors.Join(b.alive(), answers(ctx, client, b.Management+"/api/overview"))
	})
	for _, address := range []string{b.AMQP, b.AMQPS} { // the last to listen
		_, address, ok := strings.Cut(address, "://")
		if !ok {
			continue
		}
		Eventually(t, brokerPatience, address, func(ctx context.Context) error {
			if err := b.alive(); err != nil {
				return err
			}
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err == nil {
				err = c.Close()
			}
			return err
		})
	}
}

// Ctl runs rabbitmqctl on the node and returns what it prints. Each call takes
// a second: it boots a virtual machine of Erlang.
func (b *Broker) Ctl(t testing.TB, args ...string) string {
	t.Helper()
	cmd := b.command(exec.CommandContext(t.Context(), filepath.Join(rabbitmqScripts, "rabbitmqctl"), append([]string{"--quiet", "--node", b.Node}, args...)...))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rabbitmqctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
