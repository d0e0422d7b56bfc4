package limit_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"latchkey/pkg/limit"
)

func TestSource(t *testing.T) {
	tests := map[string]struct{ remote, want string }{
		"IPv4":                           {"192.0.2.1", "192.0.2.1"},
		"IPv4 with a port":               {"192.0.2.1:443", "192.0.2.1"},
		"IPv4 written as IPv6":           {"::ffff:192.0.2.1", "192.0.2.1"},
		"the same in hexadecimal":        {"::ffff:c000:0201", "192.0.2.1"},
		"IPv6":                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		"another of the same network":    {"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"},
		"its neighbour":                  {"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		"IPv6 with a port":               {"[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"},
		"IPv6 with a zone":               {"fe80::1%eth0", "fe80::/64"},
		"empty":                          {"", ""},
		"a name":                         {"localhost", ""},
		"two addresses, as headers have": {"192.0.2.1, 192.0.2.2", ""},
		"leading zeros, read by some":    {"192.0.02.1", ""},
		"a network":                      {"192.0.2.0/24", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := limit.Source(test.remote); got != test.want {
				t.Errorf("Source(%q) = %q, want %q", test.remote, got, test.want)
			}
		})
	}
}

// TestANetworkIsOneSource tries 10,000 addresses of one /64.
func TestANetworkIsOneSource(t *testing.T) {
	bytes := netip.MustParseAddr("2001:db8:1:2::").As16()
	for host := range uint64(10_000) {
		binary.BigEndian.PutUint64(bytes[8:], host*0x9e3779b97f4a7c15)
		if got := limit.Source(netip.AddrFrom16(bytes).String()); got != "2001:db8:1:2::/64" {
			t.Fatalf("Source(%q) = %q, want %q", netip.AddrFrom16(bytes), got, "2001:db8:1:2::/64")
		}
	}
}

// FuzzSource shows that a source is "", an IPv4 address or a /64, so that no other text gets a bucket of its own. An IPv4
// source is its own source.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{"192.0.2.1", "::ffff:192.0.2.1", "[::1]:1", "fe80::1%x", "", "1.2.3.4:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		source := limit.Source(remote)
		if address, err := netip.ParseAddr(source); err == nil {
			if !address.Is4() || limit.Source(source) != source {
				t.Errorf("Source(%q) = %q, want an IPv4 address that is its own source", remote, source)
			}
			return
		}
		network, err := netip.ParsePrefix(source)
		if source != "" && (err != nil || network.Bits() != 64 || network.Addr().Is4In6() || network.Masked() != network) {
			t.Errorf("Source(%q) = %q, want an empty text, an IPv4 address or a /64", remote, source)
		}
	})
}
