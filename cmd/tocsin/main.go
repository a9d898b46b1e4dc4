// Command tocsin watches a site: see the README. Here are the verbs, one file
// each; what they do is in the packages below internal and in the rooms.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"tocsin/internal/config"
)

// verbs are the words that may follow tocsin on the command line. A verb is a
// struct with its flags and a method Run, which may take, in any order, a
// context.Context that ends with the first SIGINT or SIGTERM, and a *console.
type verbs struct {
	Run        runVerb        `cmd:"" help:"Watch the site until told to stop."`
	Check      checkVerb      `cmd:"" help:"Read a site file, prove all of it, and say what is wrong."`
	Probe      probeVerb      `cmd:"" help:"Look once at a URL as a user would, and tell step by step what was found."`
	Rules      rulesVerb      `cmd:"" help:"List or export the alert rules."`
	Bricks     bricksVerb     `cmd:"" help:"List, show or test the kinds of services."`
	Dashboards dashboardsVerb `cmd:"" help:"Write the Grafana dashboards."`
	Updates    updatesVerb    `cmd:"" help:"Compare what runs here with what upstream has released."`
	Statements statementsVerb `cmd:"" help:"Show the statements that cost a PostgreSQL server most, with their texts."`
	Migrate    migrateVerb    `cmd:"" help:"Make a site file of what node_exporter, Prometheus, Alertmanager, ... were configured with."`
	Notify     notifyVerb     `cmd:"" help:"Try the way in which alerts are told."`
	Config     configVerb     `cmd:"" help:"Show the configuration that is in effect."`
	Version    versionVerb    `cmd:"" help:"Say which Tocsin this is."`
}

// The exit codes, for all verbs.
const (
	exitDone    = 0 // it is done, and nothing is wrong
	exitFound   = 1 // a check found something: errFound
	exitInput   = 2 // the command line or the configuration is wrong: *config.Error, errInput
	exitFailure = 3 // anything else went wrong while running
)

// errFound is returned by verbs that check: it worked, and what was checked is
// not in order. They have said what.
var errFound = errors.New("the check found something")

// errInput is behind errors about what the user wrote.
var errInput = errors.New("wrong input")

func main() {
	// Libraries write there what servers say, secrets of ours among it that they
	// repeat. What we say ourselves has a logger of its own.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	runtime.MemProfileRate = 0 // nothing reads the profile, and its table grows to more than a megabyte
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := tocsin(ctx, os.Args[1:], &console{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// tocsin runs one command line and returns its exit code.
func tocsin(ctx context.Context, args []string, c *console) int {
	parser, err := kong.New(&verbs{},
		kong.Name("tocsin"),
		kong.Description("One binary and one file watch a whole site.\n\n"+
			"Exit codes: 0 done, 1 the check found something, 2 wrong input or configuration, 3 failure; those of probe --nagios are Nagios'."),
		kong.Vars{"default_file": config.DefaultFile},
		kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(c.err, "tocsin:", err)
		return exitFailure
	}
	if len(args) > 0 && args[0] == "help" { // as other programs have it
		args = append(slices.Clone(args[1:]), "--help")
	}
	line, err := parser.Parse(args)
	if err != nil && isPlugin(args) {
		return report(unknown(c, err), c)
	}
	if err != nil {
		fmt.Fprintf(c.err, "tocsin: %v; see tocsin --help\n", err)
		return exitInput
	}
	line.BindTo(ctx, (*context.Context)(nil))
	line.Bind(c)
	return report(line.Run(), c)
}

// report says what a verb returned, and which exit code it means.
func report(err error, c *console) int {
	var wrong *config.Error // of the site file, or of another that was to be read
	var plugin pluginState
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &plugin):
		return int(plugin)
	case errors.As(err, &wrong):
		fmt.Fprintln(c.err, wrong) // each line has its own place: no prefix
		return exitInput
	case errors.Is(err, errInput):
		fmt.Fprintln(c.err, "tocsin:", err)
		return exitInput
	default:
		fmt.Fprintln(c.err, "tocsin:", err)
		return exitFailure
	}
}
