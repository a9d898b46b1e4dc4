//go:build !linux

package icmpprobe

import "errors"

// tune refuses what is only known of Linux.
func (s *socket) tune(_, whole bool) error {
	if whole {
		return errors.New("dont_fragment is known on Linux only; leave it out")
	}
	return nil
}
