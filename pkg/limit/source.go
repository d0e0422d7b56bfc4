package limit

import "net/netip"

// sitePrefix is what one subscriber has of IPv6: a network of 2^64 addresses (RFC 6177, RFC 4291 §2.5.1).
const sitePrefix = 64

// Source says whose requests come from a remote address, as the gateway saw it: with or without a port. An IPv4 address stands for
// itself, also when it is written as IPv6 (RFC 4291 §2.5.5.2), an IPv6 address for its /64. What is no address is "", and all
// that are none share one bucket. Headers have no say in it: they are the client's.
func Source(remote string) string {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return ""
		}
		address = withPort.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(sitePrefix)
	if err != nil {
		return ""
	}
	return network.String()
}
