package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

const (
	// maxPage bounds how much of each page is read.
	maxPage = 4 << 20
	// maxSent bounds what is read of a file that is sent.
	maxSent = 1 << 20
	// maxSelfSent is how many forms that send themselves one step may meet.
	maxSelfSent = 5
)

// A Journey goes through its steps. It implements visit.Check.
type Journey struct {
	target *url.URL
	steps  []Step
	expect []expected
}

// New returns a journey through a site. The steps have been validated.
func New(steps []Step, target *url.URL) (*Journey, error) {
	j := &Journey{target: target, steps: steps}
	for i := range steps {
		e, err := newExpected(&steps[i])
		if err != nil {
			return nil, fmt.Errorf("journey[%d]: %w", i, err)
		}
		j.expect = append(j.expect, e)
	}
	return j, nil
}

// Families implements visit.Check.
func (*Journey) Families() []*frame.Family { return Families() }

// Look implements visit.Check. Its error names the step that failed.
func (j *Journey) Look(ctx context.Context, v visit.Visitor, _ *visit.Answer, r *probe.Result) error {
	values := map[string]string{}
	for i := range j.steps {
		s := &j.steps[i]
		began, before := time.Now(), len(r.Hops)
		v.Head(fmt.Sprintf("step %s (%d of %d)", s.Name, i+1, len(j.steps)))
		err := j.step(ctx, v, s, &j.expect[i], values)
		if _, ours := errors.AsType[*probe.Unmeasured](err); ours {
			return err
		}
		success := 1.0
		if err != nil {
			success = 0
		}
		r.Send(stepDuration, time.Since(began).Seconds(), s.Name)
		r.Send(stepSuccess, success, s.Name)
		r.Send(stepRequests, float64(len(r.Hops)-before), s.Name)
		if err != nil {
			r.Send(failedStep, 1, s.Name)
			f := probe.FailureOf(err)
			v.Note(true, f.Error())
			return probe.Fail(f.Reason, f.Phase, fmt.Errorf("step %s (%d of %d): %w", s.Name, i+1, len(j.steps), f.Err))
		}
	}
	return nil
}

// step makes one step, and keeps what it finds.
func (j *Journey) step(ctx context.Context, v visit.Visitor, s *Step, e *expected, values map[string]string) error {
	q, err := j.request(v, s, values)
	if err != nil {
		return err
	}
	page, err := v.Visit(ctx, q)
	if err != nil {
		return err
	}
	forms := readForms(page.Body)
	if *s.FollowRedirects {
		if page, forms, err = sendForms(ctx, v, page, forms); err != nil {
			return err
		}
	}
	if err := e.judge(ctx, page, forms); err != nil {
		return err
	}
	found := map[string]string{}
	if err := e.take(ctx, page, forms, found); err != nil {
		return err
	}
	for name, value := range found {
		hide(v, value)
		values[name] = value
	}
	return nil
}

// hide takes a value out of all texts. A short one is an ordinary word, as fr
// or search, and would blot out host names.
func hide(v visit.Visitor, value string) {
	const shortest = 8
	if len(value) >= shortest {
		v.Hide(value)
	}
}

// sendForms sends the forms that send themselves, until a page has none.
func sendForms(ctx context.Context, v visit.Visitor, page *visit.Answer, forms []form) (*visit.Answer, []form, error) {
	for n := 0; ; n++ {
		i := slices.IndexFunc(forms, func(f form) bool { return f.sendsItself() })
		if i < 0 {
			return page, forms, nil
		}
		f := &forms[i]
		to, err := formTarget(page.URL, f)
		if err == nil && n == maxSelfSent {
			err = fmt.Errorf("more than %d forms that send themselves; the last is for %s", maxSelfSent, probe.DisplayURL(to))
		}
		if err != nil {
			return nil, nil, probe.Fail(probe.Redirect, probe.PhaseProcessing, err)
		}
		v.Note(false, fmt.Sprintf("the page sends its %s to %s", f.what(), probe.DisplayURL(to)))
		page, err = v.Visit(ctx, visit.Request{
			Method: http.MethodPost, URL: to, Body: f.encode(), MaxBody: maxPage,
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		})
		if err != nil {
			return nil, nil, err
		}
		forms = readForms(page.Body)
	}
}

// formTarget is where a form that sends itself goes. Errors quote nothing of
// it.
func formTarget(at *url.URL, f *form) (*url.URL, error) {
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("the %s of %s is for an address that cannot be read", f.what(), probe.DisplayURL(at))
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	if to.Path == "" {
		to.Path = "/"
	}
	switch {
	case to.Scheme != "https" && to.Scheme != "http" || to.Hostname() == "":
		return nil, fmt.Errorf("the %s of %s is for no web address", f.what(), probe.DisplayURL(at))
	case at.Scheme == "https" && to.Scheme == "http":
		return nil, fmt.Errorf("the %s of %s would be sent without TLS, to %s", f.what(), probe.DisplayURL(at), probe.DisplayURL(to))
	}
	return to, nil
}

// request builds what a step asks for.
func (j *Journey) request(v visit.Visitor, s *Step, values map[string]string) (visit.Request, error) {
	q := visit.Request{Method: s.Method, MaxBody: maxPage, Stay: !*s.FollowRedirects, Header: http.Header{}}
	u, err := j.target.Parse(fillURL(s.URL, values))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return q, probe.Fail(probe.Redirect, probe.PhaseProcessing, errors.New("what an earlier step found makes no address of a page"))
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	q.URL = u
	headers, err := sent(v, s.Headers, s.HeadersFile, values)
	if err != nil {
		return q, err
	}
	for name, value := range headers {
		q.Header.Set(name, value)
	}
	fields, err := sent(v, s.Form, s.FormFile, values)
	if err != nil {
		return q, err
	}
	switch {
	case len(fields) > 0:
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, value)
		}
		q.Body = []byte(form.Encode())
		if q.Header.Get("Content-Type") == "" {
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	case !s.RequestBody.IsZero():
		q.Body = []byte(fill(s.RequestBody.Reveal(), values))
	case s.RequestBodyFile != "":
		q.Body, err = readSent(s.RequestBodyFile)
	}
	return q, err
}

// sent are the values that a step sends under names, and hides them.
func sent(v visit.Visitor, texts map[string]secret.Text, files map[string]string, values map[string]string) (map[string]string, error) {
	all := map[string]string{}
	for name, text := range texts {
		all[name] = fill(text.Reveal(), values)
		hide(v, text.Reveal())
	}
	for name, file := range files {
		text, err := secret.Source{File: file}.Read()
		if err != nil {
			return nil, &probe.Unmeasured{Err: err}
		}
		all[name] = text.Reveal()
		v.Hide(text.Reveal())
	}
	return all, nil
}

func readSent(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxSent {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxSent)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, &probe.Unmeasured{Err: fmt.Errorf("read the request's body: %w", err)}
	}
	return content, nil
}
