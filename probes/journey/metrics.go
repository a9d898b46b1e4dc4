package journey

import "tocsin/internal/frame"

// The label step is the step's name in the site file.
var (
	stepDuration = &frame.Family{
		Name: "probe_journey_step_duration_seconds", Labels: []string{"step"},
		Help: "How long each step of the journey took, redirects and forms that send themselves included; absent for steps that were not reached.",
	}
	stepSuccess = &frame.Family{
		Name: "probe_journey_step_success", Labels: []string{"step"},
		Help: "Whether each step of the journey came to what it should; absent for steps that were not reached.",
	}
	stepRequests = &frame.Family{
		Name: "probe_journey_step_requests", Labels: []string{"step"},
		Help: "How many requests each step of the journey took.",
	}
	failedStep = &frame.Family{
		Name: "probe_journey_failed_step_info", Labels: []string{"step"},
		Help: "The step at which the journey ended before its end; absent when it did not.",
	}
)

// Families lists what a journey sends.
func Families() []*frame.Family {
	return []*frame.Family{stepDuration, stepSuccess, stepRequests, failedStep}
}
