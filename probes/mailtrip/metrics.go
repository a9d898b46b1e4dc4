package mailtrip

import "tocsin/internal/frame"

// A step of the trip. The list is closed: it is the value of the label step.
type step string

// The steps, in their order.
const (
	stepMailbox  step = "mailbox"  // the mailbox is opened
	stepClean    step = "clean"    // what earlier looks left in it is deleted
	stepSend     step = "send"     // the message is given to the submission server
	stepDelivery step = "delivery" // it comes into the mailbox
	stepDelete   step = "delete"   // it is deleted there
)

// Our own; what blackbox_exporter has is about single connections.
var (
	duration = &frame.Family{
		Name: "probe_mailtrip_duration_seconds", Labels: []string{"step"},
		Help: "How long each step that was finished took (mailbox, clean, send, delivery, delete); delivery is from the server's acceptance until the message is seen in the mailbox.",
	}
	failedStep = &frame.Family{
		Name: "probe_mailtrip_failed_step_info", Labels: []string{"step"},
		Help: "The step that went wrong (mailbox, clean, send, delivery, delete); absent when none did.",
	}
	junk = &frame.Family{
		Name: "probe_mailtrip_junk",
		Help: "Whether the message was taken for spam; absent when it did not come, or the site file names no folder for spam.",
	}
	leftovers = &frame.Family{
		Name: "probe_mailtrip_leftovers",
		Help: "How many messages of earlier looks were found in the mailbox, an hour old or more, and deleted: they came too late.",
	}
)

// Families lists what a trip sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, failedStep, junk, leftovers}
}
