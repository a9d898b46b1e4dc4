package status

import "testing"

func TestProse_codeAndFrench(t *testing.T) {
	t.Parallel()
	en, fr := &pen{w: english}, &pen{w: french}
	for _, c := range []struct{ got, want string }{
		{string(en.prose("See `systemctl --failed`: it's there.", maxDetail)), "See <code><span>systemctl --failed</span></code>: it&#39;s there."},
		{string(fr.prose("L'hôte n'est pas là : voyez `journalctl -u 'x' : y` !", maxDetail)), "L’hôte n’est pas là\u00a0: voyez <code><span>journalctl -u &#39;x&#39; : y</span></code>\u00a0!"},
		{
			string(en.prose("`grep -E 'Failed|Invalid user' /var/log/auth.log | tail`", maxDetail)),
			"<code><span>grep</span> <span>-E</span> <span>&#39;Failed|Invalid</span> <span>user&#39;</span> <span>/var/log/auth.log</span> <span>|</span> <span>tail</span></code>",
		},
		{string(en.prose("one ` alone & <b>", maxDetail)), "one ` alone &amp; &lt;b&gt;"},
		{string(en.prose("`<script>`", maxDetail)), "<code><span>&lt;script&gt;</span></code>"},
		{fr.w.typeset("'x' a : b ; « c »"), "'x' a\u00a0: b\u00a0; «\u00a0c\u00a0»"},
		{fr.span(312345), "0,3\u00a0ms"},
		{en.span(1500_000_000), "1.50\u00a0s"},
		{fr.w.countOf(fr.w.Of, 1, 4), "1 sur 4 va bien"},
		{fr.w.countOf(fr.w.Of, 0, 4), "0 sur 4 va bien"},
		{fr.w.countOf(fr.w.Of, 3, 4), "3 sur 4 vont bien"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
