package httpapi

import (
	"net/http"
	"strings"
)

// The media types of bodies.
const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// hasType reports whether the body of a request has that media type, and its text is UTF-8.
//
// Content-Type is read as RFC 9110 §8.3.1 and §5.6.6 define it: type and parameter names in any letter case, empty parameters, and
// quoted values. Parameters other than charset have no effect, so one that is malformed has none either. Package mime refuses some of
// these forms.
func hasType(r *http.Request, want string) bool {
	essence, parameters, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(trimOWS(essence), want) && inUTF8(parameters)
}

// inUTF8 reports whether no parameter names a charset other than UTF-8.
func inUTF8(parameters string) bool {
	for parameters != "" {
		var parameter string
		parameter, parameters = cutParameter(parameters)
		name, value, found := strings.Cut(parameter, "=")
		if found && strings.EqualFold(trimOWS(name), "charset") && !strings.EqualFold(unquote(trimOWS(value)), "utf-8") {
			return false
		}
	}
	return true
}

// cutParameter returns the text up to the next semicolon outside a quoted string (RFC 9110 §5.6.4), and the text after it.
func cutParameter(text string) (parameter, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ';' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// unquote returns the content of a quoted string, and any other text unchanged.
func unquote(value string) string {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return value
	}
	var content strings.Builder
	for i := 1; i < len(value)-1; i++ {
		if value[i] == '\\' {
			i++
		}
		content.WriteByte(value[i])
	}
	return content.String()
}

// trimOWS removes optional white space (RFC 9110 §5.6.3).
func trimOWS(text string) string { return strings.Trim(text, " \t") }
