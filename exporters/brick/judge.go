package brick

import (
	"context"
	"strings"
	"unicode"

	"tocsin/bricks"
	"tocsin/exporters/brick/adapter"
)

// verdict is whether a brick is well.
type verdict struct {
	known bool
	up    bool
	why   adapter.Failure // when it is not
}

// maxWords bounds what a service may say of itself.
const maxWords = 200

// judge applies the kind's rule of health to the answers.
func (p *program) judge(ctx context.Context, s state) verdict {
	for _, name := range p.health.reads {
		o, asked := s.outcomes[name]
		switch {
		case asked && !o.asked:
			return verdict{}
		case asked && o.failure != nil && !s.kind.Requests[name].Optional:
			return verdict{known: true, why: *o.failure}
		}
	}
	if stand := s.of(p.health.reads); stand == without {
		return p.unanswered(s)
	}
	value, err := p.health.query.First(ctx, s.documents)
	well, isBool := value.(bool)
	switch {
	case err != nil:
		return verdict{known: true, why: adapter.Failure{Reason: bricks.Unexpected, Words: "its answer has another shape than is known: " + err.Error()}}
	case !isBool:
		return verdict{known: true, why: adapter.Failure{Reason: bricks.Unexpected, Words: "its answer does not say whether it is well"}}
	case well:
		return verdict{known: true, up: true}
	}
	words := "it answers that it is not well"
	if p.words != nil {
		if said, err := p.words.First(ctx, s.documents); err == nil {
			if text, ok := said.(string); ok && text != "" {
				words = plain(text)
			}
		}
	}
	return verdict{known: true, why: adapter.Failure{Reason: bricks.Unhealthy, Words: words}}
}

// unanswered judges where only optional requests could have said something.
func (p *program) unanswered(s state) verdict {
	for _, name := range p.health.reads {
		if o, asked := s.outcomes[name]; asked && o.failure != nil {
			return verdict{known: true, why: *o.failure}
		}
	}
	return verdict{} // none of them is asked on this site
}

// plain makes one short line of what a stranger says.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '`' || r == '@' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxWords {
		return string(runes[:maxWords]) + "…"
	}
	return text
}
