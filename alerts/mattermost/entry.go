package mattermost

import "time"

// An entry is what is remembered of one group.
type entry struct {
	Group string `json:"group"`
	Post  string `json:"post,omitempty"` // the id of its post; empty before the first, and always with a webhook
	Told  told   `json:"told"`
	Said  string `json:"said,omitempty"` // digest of what the post shows; empty when that is not known
	// Root and Reply are what was about to be said: written before speaking,
	// cleared after. One that is still there tells of a crash or of an answer
	// that was lost, and whether the server has it must be found out.
	Root    *intent   `json:"root,omitempty"`
	Reply   *intent   `json:"reply,omitempty"`
	Touched time.Time `json:"touched"` // when it last changed
}

// An intent is a post that was about to be made.
type intent struct {
	// ID goes with the post as its pending_post_id, by which the server knows
	// a repetition for half a minute, and as its prop, by which we find it
	// later.
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	Text string    `json:"text,omitempty"` // of a reply
	Told told      `json:"told"`           // what has been told once it is there
}

// dedupWindow is how long we trust the server to know a pending_post_id. It
// remembers it for 30 s from when it got it, which is later than At.
const dedupWindow = 20 * time.Second
