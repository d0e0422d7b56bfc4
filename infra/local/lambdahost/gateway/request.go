package gateway

import (
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// hopByHop lists the headers that the service does not forward (RFC 9110 §7.6.1). It includes Cookie, because cookies have
// their own field in the event.
var hopByHop = []string{
	"Connection", "Cookie", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// headers returns the headers of the event: those of the request, with lower-case names and the values of a name joined, and
// those that the service sets.
func headers(r *http.Request, length int, peer string, call exchange) map[string]string {
	all := make(map[string]string, len(r.Header)+6)
	excluded := slices.Concat(hopByHop, connectionNames(r.Header))
	for name, values := range r.Header {
		if !slices.Contains(excluded, name) {
			all[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	clients := peer
	if previous := all["x-forwarded-for"]; previous != "" {
		clients = previous + ", " + peer
	}
	all["host"] = r.Host
	all["content-length"] = strconv.Itoa(length)
	all["x-forwarded-for"] = clients
	all["x-forwarded-proto"] = "http"
	all["x-forwarded-port"] = localPort(r)
	if !strings.Contains(all["x-amzn-trace-id"], "Root=") {
		all["x-amzn-trace-id"] = "Root=" + call.traceRoot
	}
	return all
}

// connectionNames returns the names of further hop-by-hop headers, from the Connection header.
func connectionNames(header http.Header) []string {
	var names []string
	for _, value := range header.Values("Connection") {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}

func localPort(r *http.Request) string {
	if address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port := splitPort(address.String()); port != "" {
			return port
		}
	}
	return "80"
}

// splitPort splits an address into host and port. An address without a port is the host.
func splitPort(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

// cookies returns the pairs of all Cookie headers in order.
func cookies(header http.Header) []string {
	var pairs []string
	for _, value := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(value, ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

// query returns the decoded parameters of the query. It joins several values of a name by commas.
func query(raw string) map[string]string {
	var values map[string]string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescapeQuery(name), unescapeQuery(value)
		if values == nil {
			values = make(map[string]string)
		}
		if previous, ok := values[name]; ok {
			value = previous + "," + value
		}
		values[name] = value
	}
	return values
}

// unescapeQuery decodes text, or returns it unchanged if an escape is invalid.
func unescapeQuery(text string) string {
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}
