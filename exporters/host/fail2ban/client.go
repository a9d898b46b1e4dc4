package fail2ban

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// The protocol's own bounds and ours. An answer is one pickle, then end
// (fail2ban/protocol.py, CSPROTO).
const (
	end       = "<F2B_END_COMMAND>"
	maxAnswer = 4 << 20 // bytes: some 100,000 addresses
	maxJails  = 200
)

// errOver says that nothing more can be asked.
var errOver = errors.New("the conversation is over")

// client is a conversation with the server; one at a time.
type client struct{ conn net.Conn }

// dial reaches the server. The conversation ends with ctx.
func dial(ctx context.Context, socket string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // what waits returns
	return &client{conn}, nil
}

// ask sends a command and returns the value of the answer.
func (c *client) ask(words ...string) (any, error) {
	if _, err := c.conn.Write(append(encode(words), end...)); err != nil {
		return nil, fmt.Errorf("%w: %w", errOver, err)
	}
	var answer []byte
	part := make([]byte, 16<<10)
	for !bytes.HasSuffix(answer, []byte(end)) {
		n, err := c.conn.Read(part)
		answer = append(answer, part[:n]...)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errOver, err)
		}
		if len(answer) > maxAnswer {
			return nil, fmt.Errorf("%w: an answer is longer than %d bytes", errOver, maxAnswer)
		}
	}
	value, err := decode(answer[:len(answer)-len(end)])
	if err != nil {
		return nil, err
	}
	// A pair: 0 and what was asked for, or 1 and an exception, which decode
	// does not take.
	pair, ok := value.(*list)
	if !ok || len(pair.items) != 2 || pair.items[0] != int64(0) {
		return nil, errors.New("the server refused the command")
	}
	return pair.items[1], nil
}

func (c *client) version() (string, error) {
	v, err := c.ask("version")
	text, ok := v.(string)
	if err == nil && !ok {
		err = errPickle
	}
	return text, err
}

// jails lists the jails that run. The server gives them as one text.
func (c *client) jails() ([]string, error) {
	v, err := c.ask("status")
	if err != nil {
		return nil, err
	}
	text, ok := find(v, "Jail list").(string)
	if !ok {
		return nil, errPickle
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// jail asks for the four numbers of one jail, in the order of jailFamilies.
// Since 1.0 the server can leave out the addresses (actions.py, flavor short);
// an older one would write a warning into its log each time.
func (c *client) jail(name, version string) ([4]float64, error) {
	words := []string{"status", name}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 1 {
		words = append(words, "short")
	}
	v, err := c.ask(words...)
	if err != nil {
		return [4]float64{}, err
	}
	var numbers [4]float64
	for i, path := range [4][2]string{
		{"Actions", "Currently banned"}, {"Filter", "Currently failed"}, {"Actions", "Total banned"}, {"Filter", "Total failed"},
	} {
		n, ok := find(find(v, path[0]), path[1]).(int64)
		if !ok {
			return [4]float64{}, fmt.Errorf("%w: it has no number %q", errPickle, path[1])
		}
		numbers[i] = float64(n)
	}
	return numbers, nil
}

// setting asks for one number of a jail's configuration.
func (c *client) setting(jail, name string) (float64, error) {
	v, err := c.ask("get", jail, name)
	n, ok := v.(int64)
	if err == nil && !ok {
		err = errPickle
	}
	return float64(n), err
}

// find looks a name up in a list of pairs.
func find(v any, name string) any {
	l, ok := v.(*list)
	if !ok {
		return nil
	}
	for _, item := range l.items {
		if pair, ok := item.(*list); ok && len(pair.items) == 2 && pair.items[0] == name {
			return pair.items[1]
		}
	}
	return nil
}
