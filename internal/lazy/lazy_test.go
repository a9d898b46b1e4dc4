package lazy

import "testing"

func TestRegexp_compilesOnce(t *testing.T) {
	p := Regexp(`^a+$`)
	if !p().MatchString("aa") || p().MatchString("b") {
		t.Error("the expression does not match as it should")
	}
	if first, second := p(), p(); first != second {
		t.Error("it was compiled twice")
	}
}

func TestRegexp_wrongExpressionPanicsWhenUsed(t *testing.T) {
	p := Regexp(`(`)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	p()
}
