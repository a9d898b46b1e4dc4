package queryapi_test

import (
	"net/http"
	"net/url"
)

// q is a query at the moment AT.
func q(name, expr string) question {
	return question{name: name, path: "/api/v1/query", form: "time=AT&query=" + url.QueryEscape(expr)}
}

// span is a query over the last three seconds.
func span(name, expr, step string) question {
	return question{name: name, path: "/api/v1/query_range", form: "start=AGO&end=AT&step=" + step + "&query=" + url.QueryEscape(expr)}
}

// at is any other question.
func at(name, path, form string) question {
	return question{name: name, path: "/api/v1/" + path, form: form}
}

// only restricts a question to GET, as Prometheus does the endpoint.
func only(x question) question {
	x.method = http.MethodGet
	return x
}

// inOrder makes the order of the result part of the answer.
func inOrder(x question) question {
	x.sorted = true
	return x
}

// differs lists a question that 2.42 answers differently.
func differs(x question, why string, status int, want string) question {
	x.differs, x.status, x.want = why, status, want
	return x
}

const (
	newerParser = "3.x words this parse error differently"
	newerParam  = "2.42 ignores limit (it came with 2.51 for lookups, 3.2 for queries)"
	utf8Names   = "3.x takes every UTF-8 name of a label"
	emptyGroups = "3.x leaves out a group of which the filter leaves no rule"
	stricter    = "we refuse what Prometheus answers with nonsense (see the package's comment)"
)

func questions() []question {
	var all []question
	for _, list := range [][]question{instant(), ranges(), badQueries(), lookups(), badLookups(), states()} {
		all = append(all, list...)
	}
	return all
}

func instant() []question {
	return []question{
		q("vector", "requests_total"),
		q("every_value", "temperature_celsius"),
		q("strange_labels", "odd"),
		q("no_labels", "count(up)"),
		q("empty", "nothing_of_this_name"),
		q("scalar", "1+1"),
		q("scalar_vast", "1e30"),
		q("scalar_tiny", "1e-9"),
		q("scalar_nan", "0/0"),
		q("scalar_inf", "-1/0"),
		q("string", `"a \"string\" <b> é"`),
		q("range_vector", "requests_total[5s]"),
		q("range_vector_all", `{job="app"}[1m]`),
		q("subquery", "max_over_time(up[10s:1s])"),
		q("rate", "rate(requests_total[3s])"),
		q("classic_quantile", "histogram_quantile(0.9, rate(latency_seconds_bucket[3s]))"),
		q("native", "sizes_bytes"),
		q("native_range", "sizes_bytes[5s]"),
		differs(q("native_quantile", "histogram_quantile(0.5, sizes_bytes)"), "3.x interpolates native histograms exponentially", 200, `"1.414213562373095"`),
		inOrder(q("sort_desc", `sort_desc(temperature_celsius{place!="nan"})`)),
		inOrder(q("topk", "topk(2, requests_total)")),
		q("join", `requests_total * on(job) group_left up`),
		q("label_replace", `label_replace(up, "first", "$1", "job", "(.).*")`),
		q("absent", `absent(up{job="nobody"})`),
		q("offset", "requests_total offset 3s"),
		q("at_modifier", "requests_total @ end()"),
		q("alerts_series", "ALERTS"),
		at("time_rfc3339", "query", "query=up&time=RFC"),
		at("time_before_all_data", "query", "query=up&time=1"),
		at("time_negative", "query", "query=1&time=-1.5"),
		at("time_long_fraction", "query", "query=1&time=1435781451.7814999"),
		at("time_exponent", "query", "query=1&time=1.5e9"),
		at("time_of_milliseconds_as_seconds", "query", "query=1&time=1700000000000"),
		at("timeout", "query", "query=up&time=AT&timeout=10s"),
		at("timeout_float", "query", "query=up&time=AT&timeout=10.5"),
		differs(at("lookback_delta", "query", "query=up&time=LATER&lookback_delta=2h"), "2.42 ignores lookback_delta (it came with 2.43)", 200, `"job":"modern"`),
		at("stats", "query", "query=up&time=AT&stats=all"),
		at("stats_true", "query", "query=up&time=AT&stats=true"),
		at("unknown_parameter", "query", "query=up&time=AT&nonsense=1"),
		differs(at("limit", "query", "query=up&time=AT&limit=1"), newerParam, 200, `"warnings":["results truncated due to limit"]`),
		at("limit_enough", "query", "query=up&time=AT&limit=100"),
		at("format_query", "format_query", "query="+url.QueryEscape(`sum(rate(foo[5m]))by(job)/2`)),
	}
}

func ranges() []question {
	return []question{
		inOrder(span("range_vector", "requests_total", "1")),
		inOrder(span("range_odd_step", "requests_total", "0.7")),
		inOrder(span("range_duration_step", "requests_total", "2s")),
		inOrder(span("range_long_duration_step", "requests_total", "1m30s")),
		span("range_scalar", "time()", "5"),
		span("range_every_value", "temperature_celsius", "5"),
		span("range_rate", "sum by (code) (rate(requests_total[2s]))", "1"),
		span("range_native", "sizes_bytes", "3"),
		span("range_empty", "nothing_of_this_name", "1"),
		span("range_labels", "odd", "10"),
		at("range_one_point", "query_range", "query=up&start=AT&end=AT&step=15"),
		at("range_rfc3339", "query_range", "query=up&start=RFC&end=RFC&step=15"),
		at("range_11000_points", "query_range", "query=vector(1)&start=0&end=11000&step=1"),
	}
}

func badQueries() []question {
	return []question{
		differs(q("no_query", ""), newerParser, 400, `invalid parameter \"query\": unknown position: parse error: no expression found in input`),
		differs(at("no_parameters", "query", ""), newerParser, 400, `invalid parameter \"query\": unknown position: parse error: no expression found in input`),
		at("range_no_parameters", "query_range", ""),
		q("parse_error", "sum(up"),
		q("parse_error_operator", "up +"),
		q("parse_error_label", `up{job="a}`),
		q("unknown_function", "no_such_function(up)"),
		q("wrong_type", `rate(up)`),
		q("wrong_type_string", `sum("a")`),
		differs(q("bad_regexp", `up{job=~"("}`), newerParser, 400, "invalid parameter \\\"query\\\": 1:4: parse error: error parsing regexp: missing closing ): `(`"),
		q("many_to_many", "temperature_celsius + on(job) temperature_celsius"),
		q("duplicate_result", `label_replace(temperature_celsius, "place", "x", "place", ".*")`),
		differs(q("bad_label_in_replace", `label_replace(up, "x y", "$1", "job", "(.*)")`), utf8Names, 200, `"x y":"dead"`),
		at("bad_time", "query", "query=up&time=yesterday"),
		at("empty_time", "query", "query=1&time=AT&timeout=&limit=&stats="),
		at("bad_timeout", "query", "query=up&time=AT&timeout=soon"),
		at("timeout_zero", "query", "query=up&time=AT&timeout=0"),
		at("timeout_negative", "query_range", "query=up&start=AGO&end=AT&step=1&timeout=-1"),
		differs(at("bad_lookback", "query", "query=up&time=AT&lookback_delta=x"), "2.42 ignores lookback_delta (it came with 2.43)", 400, `"error":"error parsing lookback delta duration: cannot parse \"x\" to a valid duration"`),
		at("range_bad_start", "query_range", "query=up&start=x&end=AT&step=1"),
		at("range_no_start", "query_range", "query=up&end=AT&step=1"),
		at("range_bad_end", "query_range", "query=up&start=AGO&end=x&step=1"),
		at("range_bad_step", "query_range", "query=up&start=AGO&end=AT&step=x"),
		at("range_no_step", "query_range", "query=up&start=AGO&end=AT"),
		at("range_zero_step", "query_range", "query=up&start=AGO&end=AT&step=0"),
		at("range_negative_step", "query_range", "query=up&start=AGO&end=AT&step=-1"),
		at("range_vast_step", "query_range", "query=up&start=AGO&end=AT&step=1e300"),
		at("range_end_before_start", "query_range", "query=up&start=AT&end=AGO&step=1"),
		at("range_11001_points", "query_range", "query=vector(1)&start=0&end=11001&step=1"),
		at("range_of_range_vector", "query_range", "query=up[5m]&start=AGO&end=AT&step=1"),
		at("range_of_string", "query_range", "query=%22a%22&start=AGO&end=AT&step=1"),
		at("range_bad_query", "query_range", "query=(&start=AGO&end=AT&step=1"),
		at("format_bad", "format_query", "query=sum("),
		at("exemplars_bad", "query_exemplars", "query=sum("),
		at("exemplars_bad_start", "query_exemplars", "query=up&start=x"),
		at("exemplars_backwards", "query_exemplars", "query=up&start=2&end=1"),
		differs(at("time_nan", "query", "query=1&time=NaN"), stricter, 400, `cannot parse \"NaN\" to a valid timestamp`),
		differs(at("range_nan_step", "query_range", "query=1&start=AGO&end=AT&step=NaN"), stricter, 400, `cannot parse \"NaN\" to a valid duration`),
		differs(at("range_step_below_a_millisecond", "query_range", "query=1&start=1&end=2&step=0.0005"), stricter, 400, `the smallest step is one millisecond`),
	}
}

func lookups() []question {
	return []question{
		at("series", "series", "match[]=up"),
		at("series_several", "series", `match[]=up&match[]=requests_total&match[]={job="app"}`),
		at("series_times", "series", `match[]=up&start=AGO&end=AT`),
		at("series_none", "series", `match[]=nothing`),
		at("series_strange_labels", "series", `match[]=odd`),
		at("series_old", "series", `match[]=up&start=1&end=2`),
		at("labels", "labels", ""),
		at("labels_times", "labels", "start=AGO&end=AT"),
		at("labels_match", "labels", "match[]=requests_total"),
		at("labels_matches", "labels", "match[]=requests_total&match[]=odd"),
		at("labels_none", "labels", "match[]=nothing"),
		only(at("values_name", "label/__name__/values", "")),
		only(at("values_job", "label/job/values", "start=AGO&end=AT")),
		only(at("values_match", "label/place/values", `match[]=temperature_celsius{place=~"h.*"}`)),
		only(at("values_matches", "label/__name__/values", `match[]=up&match[]=odd`)),
		only(at("values_strange", "label/text/values", "")),
		only(at("values_none", "label/nothing/values", "")),
		at("all_times", "series", "match[]=up&start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z"),
		at("exemplars", "query_exemplars", "query=up&start=AGO&end=AT"),
		differs(at("series_limit", "series", "match[]=up&limit=1"), newerParam, 200, `"warnings":["results truncated due to limit"]`),
		differs(at("labels_limit", "labels", "limit=1"), newerParam, 200, `{"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]}`),
		differs(only(at("values_limit", "label/job/values", "limit=2")), newerParam, 200, `{"status":"success","data":["app","dead"],"warnings":["results truncated due to limit"]}`),
		differs(only(at("values_utf8_name", "label/0-bad/values", "")), utf8Names, 200, `{"status":"success","data":[]}`),
		differs(only(at("values_escaped_name", "label/U__job/values", "")), "3.x takes escaped names of labels", 200, `["app","dead","modern"]`),
	}
}

func badLookups() []question {
	return []question{
		at("series_no_match", "series", ""),
		at("series_bad_match", "series", "match[]={"),
		at("series_empty_match", "series", `match[]={job=~".*"}`),
		at("series_range_match", "series", `match[]=up[5m]`),
		at("series_bad_start", "series", `match[]=up&start=x`),
		at("series_bad_end", "series", `match[]=up&end=x`),
		at("labels_bad_match", "labels", `match[]={job=""}`),
		at("labels_bad_start", "labels", `start=x`),
		only(at("values_bad_match", "label/job/values", `match[]=sum(up)`)),
		only(at("values_bad_end", "label/job/values", `end=x`)),
		{name: "values_post", path: "/api/v1/label/job/values", method: http.MethodPost},
		{name: "rules_post", path: "/api/v1/rules", method: http.MethodPost},
		{name: "buildinfo_post", path: "/api/v1/status/buildinfo", method: http.MethodPost},
		{name: "metadata_post", path: "/api/v1/metadata", method: http.MethodPost},
	}
}

func states() []question {
	list := []question{
		only(at("rules", "rules", "")),
		differs(only(at("rules_alert", "rules", "type=alert")), emptyGroups, 200, `{"status":"success","data":{"groups":[{"name":"alarms","file":`),
		differs(only(at("rules_record", "rules", "type=RECORD")), emptyGroups, 200, `{"status":"success","data":{"groups":[{"name":"records","file":`),
		only(at("rules_bad_type", "rules", "type=x")),
		only(at("alerts", "alerts", "")),
		only(at("targets", "targets", "")),
		only(at("targets_active", "targets", "state=active")),
		only(at("targets_dropped", "targets", "state=dropped")),
		only(at("targets_odd_state", "targets", "state=x")),
		only(at("metadata", "metadata", "")),
		only(at("metadata_one", "metadata", "metric=requests_total")),
		only(at("metadata_none", "metadata", "metric=nothing")),
		only(at("metadata_limit_zero", "metadata", "limit=0")),
		only(at("metadata_bad_limit", "metadata", "limit=x")),
		only(at("buildinfo", "status/buildinfo", "")),
	}
	for i := range list {
		list[i].live = true
	}
	return list
}
