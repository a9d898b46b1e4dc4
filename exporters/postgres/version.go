package postgres

import "fmt"

// A version is a server's server_version_num: 150018 of 15.18, 90624 of 9.6.24
// (PostgreSQL's manual, 20.15).
type version int

// The versions at which queries change.
const (
	v9_4 version = 90400
	v9_5 version = 90500
	v9_6 version = 90600
	v10  version = 100000
	v11  version = 110000
	v12  version = 120000
	v13  version = 130000
	v14  version = 140000
	v15  version = 150000
	v16  version = 160000
	v17  version = 170000
	v18  version = 180000
)

// String returns the version as people write it.
func (v version) String() string {
	if v >= v10 {
		return fmt.Sprintf("%d.%d", v/10000, v%10000)
	}
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
}
