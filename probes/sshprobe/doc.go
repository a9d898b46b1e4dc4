// Package sshprobe looks at an SSH server up to the point where one would log
// in: that it answers, which host keys it proves to have, and which of its
// algorithms are broken. It never logs in, nor tries to.
package sshprobe
