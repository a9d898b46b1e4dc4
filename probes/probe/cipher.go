package probe

import (
	"crypto/tls"
	"sync"
)

// cipherNames are the names of all cipher suites. The library makes its whole
// list anew each time that it is asked for one name.
var cipherNames = sync.OnceValue(func() map[uint16]string {
	names := map[uint16]string{}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			names[s.ID] = s.Name
		}
	}
	return names
})

// CipherName is tls.CipherSuiteName.
func CipherName(id uint16) string {
	if name, ok := cipherNames()[id]; ok {
		return name
	}
	return tls.CipherSuiteName(id)
}
