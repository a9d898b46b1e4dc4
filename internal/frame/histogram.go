package frame

import (
	"fmt"

	dto "github.com/prometheus/client_model/go"
)

// SendHistogram adds one histogram of a family of that type: how many things
// were counted, their sum, and how many of them are not above each bound, which
// ascend; the bucket of all (+Inf) is added where it is written. As in Send,
// what would make the page invalid is dropped and told.
func (s *Sink) SendHistogram(f *Family, count uint64, sum float64, bounds []float64, counts []uint64, labels ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return
	}
	fam, err := s.family(f)
	switch {
	case err != nil:
	case f.Type != Histogram || len(bounds) != len(counts):
		err = fmt.Errorf("%s is no histogram, or has %d bounds and %d counts", f.Name, len(bounds), len(counts))
	default:
		h := &dto.Histogram{SampleCount: &count, SampleSum: &sum, Bucket: make([]*dto.Bucket, len(bounds))}
		for i := range bounds {
			bound, below := bounds[i], counts[i] // the caller may use its slices again
			h.Bucket[i] = &dto.Bucket{UpperBound: &bound, CumulativeCount: &below}
		}
		err = fam.put(&dto.Metric{Histogram: h}, labels)
	}
	if err != nil {
		s.reject(fam, err)
	}
}
