package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/infra/local/template"
)

// isPreflight says whether the request is a preflight (Fetch standard, CORS protocol). Any other OPTIONS request is routed.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// allow sets the CORS headers of an answer from the configuration, in place of the function's own. An origin that is not
// in the list gets none.
func allow(header http.Header, cors *template.CORS, origin string) {
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			header.Del(name)
		}
	}
	all := slices.Contains(cors.Origins, "*")
	if !all {
		vary(header) // also without an Origin: a cache must not give this answer to one that has it
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

// allowPreflight sets the headers of the answer to a preflight. Whether method and headers suffice the browser decides.
func allowPreflight(header http.Header, cors *template.CORS, origin string) {
	allow(header, cors, origin)
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

// vary adds Origin to a Vary header that does not name it.
func vary(header http.Header) {
	for _, value := range header.Values("Vary") {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Origin") {
				return
			}
		}
	}
	header.Add("Vary", "Origin")
}
