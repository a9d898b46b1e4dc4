// Package brick measures services: of a brick and its kind it makes the
// collectors of one target. The kind's requests are asked by adapters, its
// expressions judge the answers and take the numbers out of them.
//
// What every brick has, whatever its kind: brick_up and why it is 0,
// brick_version_info, how long the requests took, which metrics could not be
// had and why. It is not for probing from outside: that is the room probes'.
package brick
