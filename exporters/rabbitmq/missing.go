package rabbitmq

import "math"

// missing stands for a value that the broker does not have: a NaN that no
// broker sends.
var missing = math.Float64frombits(0x7ff8_746f_6373_696e)

func isMissing(v float64) bool { return math.Float64bits(v) == math.Float64bits(missing) }
