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

// hopByHop headers end at the service (RFC 9110 §7.6.1); cookies have a field of their own.
var hopByHop = []string{
	"Connection", "Cookie", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// headers are the request's with lower-case names, several of a name joined, and those that the service sets.
func headers(r *http.Request, length int, peer string, call exchange) map[string]string {
	named := make(map[string]string, len(r.Header)+6)
	dropped := slices.Concat(hopByHop, connectionNames(r.Header))
	for name, values := range r.Header {
		if !slices.Contains(dropped, name) {
			named[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	forwarded := peer
	if earlier := named["x-forwarded-for"]; earlier != "" {
		forwarded = earlier + ", " + peer
	}
	named["host"] = r.Host
	named["content-length"] = strconv.Itoa(length)
	named["x-forwarded-for"] = forwarded
	named["x-forwarded-proto"] = "http"
	named["x-forwarded-port"] = localPort(r)
	if !strings.Contains(named["x-amzn-trace-id"], "Root=") {
		named["x-amzn-trace-id"] = "Root=" + call.traceRoot
	}
	return named
}

// connectionNames are the headers that the request's Connection header names as hop-by-hop too.
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

// splitPort takes an address apart; without a port the whole is the host.
func splitPort(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

// cookies are the pairs of all Cookie headers in their order.
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

// query decodes the query; several values of a name are joined by commas.
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
		if earlier, again := values[name]; again {
			value = earlier + "," + value
		}
		values[name] = value
	}
	return values
}

// unescapeQuery leaves what is no valid escape as it is.
func unescapeQuery(text string) string {
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}
