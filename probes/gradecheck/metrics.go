package gradecheck

import (
	"tocsin/internal/frame"
	"tocsin/probes/grade"
	"tocsin/probes/probe"
)

// The values of the labels are closed lists: grades, tests and results are
// those of the Observatory.
var (
	score = &frame.Family{
		Name: "probe_http_header_score",
		Help: "Score of the site's security headers by the rules of Mozilla's HTTP Observatory, 0 to 165.",
	}
	rank = &frame.Family{
		Name: "probe_http_header_grade_rank",
		Help: "Grade of the site's security headers as a number: 0 is F, then D-, D, D+ and so on to 12, which is A+; B is 8.",
	}
	gradeInfo = &frame.Family{
		Name: "probe_http_header_grade_info", Labels: []string{"grade"},
		Help: "Grade of the site's security headers, A+ to F.",
	}
	promisedRank = &frame.Family{
		Name: "probe_http_header_promised_grade_rank",
		Help: "Grade that is promised of the site, as probe_http_header_grade_rank counts; absent where none is.",
	}
	promisedInfo = &frame.Family{
		Name: "probe_http_header_promised_grade_info", Labels: []string{"grade"},
		Help: "Grade that is promised of the site; absent where none is.",
	}
	points = &frame.Family{
		Name: "probe_http_header_test_points", Labels: []string{"test"},
		Help: "What each of the Observatory's tests does to the score; below 0 it costs points.",
	}
	pass = &frame.Family{
		Name: "probe_http_header_test_pass", Labels: []string{"test"},
		Help: "Whether each of the Observatory's tests counts as passed.",
	}
	resultInfo = &frame.Family{
		Name: "probe_http_header_test_result_info", Labels: []string{"test", "result"},
		Help: "What came of each of the Observatory's tests, in its own words.",
	}
	algorithm = &frame.Family{
		Name: "probe_http_header_algorithm_version",
		Help: "Version of the Observatory's rules that the site is graded by.",
	}
)

// Families lists what a check of headers sends.
func Families() []*frame.Family {
	return []*frame.Family{score, rank, gradeInfo, promisedRank, promisedInfo, points, pass, resultInfo, algorithm}
}

func sample(r *probe.Result, promised string, report *grade.Report) {
	r.Send(score, float64(report.Score))
	r.Send(rank, float64(grade.Rank(report.Grade)))
	r.Send(gradeInfo, 1, report.Grade)
	r.Send(algorithm, float64(report.Version))
	if promised != "" {
		r.Send(promisedRank, float64(grade.Rank(promised)))
		r.Send(promisedInfo, 1, promised)
	}
	for _, t := range report.Tests {
		passed := 0.0
		if t.Pass {
			passed = 1
		}
		r.Send(points, float64(t.Modifier), t.Name)
		r.Send(pass, passed, t.Name)
		r.Send(resultInfo, 1, t.Name, t.Result)
	}
}
