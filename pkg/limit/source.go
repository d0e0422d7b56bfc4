package limit

import "net/netip"

// sitePrefix is the length of the IPv6 prefix that one subscriber has (RFC 6177, RFC 4291 §2.5.1).
const sitePrefix = 64

// Source returns the source that a request counts for. remote is its remote address as reported by the gateway, with or
// without a port. An IPv4 address is its own source, also in IPv4-mapped form (RFC 4291 §2.5.5.2). The source of an IPv6
// address is its /64 network. For any other text, Source returns "", so all requests without an address share one bucket.
// Headers are not used, because the client controls them.
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
