package config

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// FuzzSite: whatever stands in the file, no room's validation panics, and no
// message repeats a password that stands in an address.
func FuzzSite(f *testing.F) {
	example, err := os.ReadFile("../../tocsin.example.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, section := range strings.SplitAfter(string(example), "\n\n") {
		f.Add(section)
	}
	f.Add("alerts: {rules: {HostDiskFull: [{match: {a: b}, threshold: 1}, {off: true}]}}\n")
	f.Add("probes: [{target: \"https://u:marker-hunter2@h\", status: [2xx, 1-2]}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		site := &Site{}
		at, faults := strict.Decode([]byte(text), site)
		site.setDefaults(testMachine())
		found := problem.New()
		site.refusePasswords(found)
		site.validate(found)
		site.validateVoices(found, at)
		site.validateReferences(found)
		faults = append(faults, told(at.Place(found.All()), faults, at)...)
		if message := (&Error{File: "f", Faults: scrub(strict.Sort(faults))}).Error(); strings.Contains(message, ":marker-hunter2@") {
			t.Errorf("a password is repeated: %s", message)
		}
	})
}
