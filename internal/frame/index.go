package frame

import (
	"hash/maphash"

	dto "github.com/prometheus/client_model/go"
)

// An index finds a family's samples by the hash of their label values; where
// two have the same, the second is at the next free number.
type index map[uint64]*dto.Metric

// short is of how many samples each is looked at rather than hashed.
const short = 8

// hashSeed is the program's own, so that nobody can make many label sets of
// one hash.
var hashSeed = maphash.MakeSeed()

// add adds a sample whose labels are sorted, unless the family has one with
// the same.
func (fam *family) add(m *dto.Metric) (added bool) {
	if len(fam.dto.Metric) < short {
		for _, other := range fam.dto.Metric {
			if sameLabels(other, m) {
				return false
			}
		}
	} else {
		if fam.index == nil {
			fam.index = make(index, 4*short)
			for _, other := range fam.dto.Metric {
				fam.index.add(other)
			}
		}
		if !fam.index.add(m) {
			return false
		}
	}
	fam.dto.Metric = append(fam.dto.Metric, m)
	return true
}

func (i index) add(m *dto.Metric) (added bool) {
	var h uint64
	for _, l := range m.Label {
		h = h<<1 ^ h>>63 ^ maphash.String(hashSeed, l.GetValue())
	}
	for ; ; h++ {
		other, taken := i[h]
		if !taken {
			i[h] = m
			return true
		}
		if sameLabels(other, m) {
			return false
		}
	}
}

func sameLabels(a, b *dto.Metric) bool {
	if len(a.Label) != len(b.Label) {
		return false
	}
	for i, l := range a.Label {
		if l.GetValue() != b.Label[i].GetValue() || l.GetName() != b.Label[i].GetName() {
			return false
		}
	}
	return true
}
