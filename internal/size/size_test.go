package size

import "testing"

func TestBytes_readAndWritten(t *testing.T) {
	for text, want := range map[string]Bytes{
		"5GB": 5_000_000_000, "500MB": 500_000_000, "2GiB": 2 << 30, "1.5 GB": 1_500_000_000, "1TB": 1_000_000_000_000, "7B": 7, "1kB": 1000,
	} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
		written, err := got.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Bytes
		if err := again.UnmarshalText(written); err != nil || again != want {
			t.Errorf("%s was written as %s, and read again as %d, %v", text, written, again, err)
		}
	}
	for _, text := range []string{"", "5", "5 gigabytes", "-1GB", "0GB", "GB", "NaNGB", "InfGB", "99999999999TB"} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}
