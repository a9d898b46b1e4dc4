package dialogue

import (
	"strings"
	"testing"

	"tocsin/internal/secret"
)

// TestTalk_hidesWhatWasSent has servers that repeat what they were sent, whole
// or in part.
func TestTalk_hidesWhatWasSent(t *testing.T) {
	for _, c := range []struct{ send, echo, says string }{
		{"AUTH mark3r-pw", "-ERR no 'AUTH mark3r-pw'", `the server said "-ERR no '[redacted]'"`},
		{"AUTH mark3r-pw", "-ERR no user, with args 'mark3r-pw'", `"-ERR no user, with args '[redacted]'"`},
		{"AUTH PLAIN mark3r", "-ERR AUTH PLAIN LOGIN", `"-ERR AUTH PLAIN LOGIN"`},
		{`PASS mark3r"\`, `-ERR mark3r"\`, `"-ERR [redacted]"`},
		{"PASS mark3r$$x", "-ERR mark3r$x", `"-ERR [redacted]"`}, // $$ is a $, as regexp.Expand has it
		{"EHLO ${1}", "-ERR mail.example", `"-ERR mail.example"`},
		{"STARTTLS", "-ERR STARTTLS", `"-ERR STARTTLS"`},
		{"PASS Hello", "-ERR Hello", `"-ERR Hello"`}, // expect shows it
	} {
		_, told := hear(t.Context(), t, "Hello mail.example\r\n"+c.echo+"\r\n",
			Step{Expect: "^Hello (.+)$", Send: secret.New(c.send)},
			Step{Expect: "^-ERR (.*)$", Labels: []Label{{Name: "why", Value: "${1}"}}},
			Step{Expect: "^never"})
		if strings.Contains(told, "mark3r") || !strings.Contains(told, c.says) || !strings.Contains(told, "\nsent ") {
			t.Errorf("%s, echoed: %s\nwant %s in it", c.send, told, c.says)
		}
	}
}

// What is no secret is in a label as blackbox_exporter has it.
func TestTalk_leavesLabelsAsTheyAre(t *testing.T) {
	said := "a\tb " + strings.Repeat("x", 2000)
	r, _ := hear(t.Context(), t, said+"\r\n",
		Step{Send: secret.New("PASS mark3r-pw")},
		Step{Expect: "^(.*)$", Labels: []Label{{Name: "said", Value: "${1}"}}})
	if got := r.Samples[0].Labels[0]; got != said {
		t.Errorf("the label is %q", got)
	}
}

func TestTalk_hidesItInWhatFails(t *testing.T) {
	for _, steps := range [][]Step{
		{{Send: secret.New("mark3r-pw")}, {Expect: "^never"}},
		{{Send: secret.New("mark3r-pw")}, {ExpectBytes: "x other bytes"}},
	} {
		r, told := hear(t.Context(), t, "x mark3r-pw ", steps...)
		if r.Success || strings.Contains(told, "mark3r") || !strings.Contains(told, "sent 9 bytes") {
			t.Errorf("told: %s", told)
		}
	}
}
