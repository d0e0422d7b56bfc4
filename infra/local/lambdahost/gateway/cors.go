package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/infra/local/template"
)

// isPreflight reports whether the request is a preflight (Fetch standard, CORS protocol). Other OPTIONS requests are routed.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// setCORS replaces the CORS headers of a response by those of the configuration. An origin that is not in the list gets
// none.
func setCORS(header http.Header, cors *template.CORS, origin string) {
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			header.Del(name)
		}
	}
	all := slices.Contains(cors.Origins, "*")
	if !all {
		varyByOrigin(header) // even for a request without an Origin: a cache must not use its response for one with an Origin
	}
	switch {
	case origin == "" || !all && !slices.Contains(cors.Origins, origin):
		return
	case all:
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if cors.Credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(cors.Expose) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(cors.Expose, ","))
	}
}

// setPreflight sets the headers of the response to a preflight. It does not check the requested method and headers. The
// browser does that.
func setPreflight(header http.Header, cors *template.CORS, origin string) {
	setCORS(header, cors, origin)
	header.Del("Access-Control-Expose-Headers")
	if header.Get("Access-Control-Allow-Origin") == "" {
		return
	}
	if len(cors.Methods) > 0 {
		header.Set("Access-Control-Allow-Methods", strings.Join(cors.Methods, ","))
	}
	if len(cors.Headers) > 0 {
		header.Set("Access-Control-Allow-Headers", strings.Join(cors.Headers, ","))
	}
	if cors.MaxAge > 0 {
		header.Set("Access-Control-Max-Age", strconv.Itoa(int(cors.MaxAge/time.Second)))
	}
}

// varyByOrigin adds Origin to the Vary header unless it is there.
func varyByOrigin(header http.Header) {
	for _, value := range header.Values("Vary") {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Origin") {
				return
			}
		}
	}
	header.Add("Vary", "Origin")
}
