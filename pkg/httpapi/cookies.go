package httpapi

import (
	"net/http"
	"time"

	"latchkey/pkg/secret"
)

// Names of the session cookie. Over HTTPS the prefix makes browsers refuse one that another host, or a page without TLS,
// has set (RFC 6265bis §4.1.3.2).
const (
	cookieName       = "session_id"
	secureCookieName = "__Host-" + cookieName
)

// Cookies says how session cookies are written. They are out of reach of scripts, and are not sent with requests that
// another site makes, top-level navigation apart.
type Cookies struct {
	https bool
	idle  time.Duration
}

// NewCookies returns the cookies of an API that is reached over HTTPS, or else on localhost. Cookies that are not sent
// again live for idle, whole seconds.
func NewCookies(https bool, idle time.Duration) Cookies { return Cookies{https: https, idle: idle} }

func (c Cookies) name() string {
	if c.https {
		return secureCookieName
	}
	return cookieName
}

// read returns the value of the session cookie; empty for none.
func (c Cookies) read(r *http.Request) secret.String {
	cookie, err := r.Cookie(c.name())
	if err != nil {
		return secret.String{}
	}
	return secret.New(cookie.Value)
}

// set writes the session cookie.
func (c Cookies) set(w http.ResponseWriter, value secret.String) {
	c.write(w, value.Reveal(), int(c.idle/time.Second))
}

// clear makes the browser forget the session cookie.
func (c Cookies) clear(w http.ResponseWriter) { c.write(w, "", -1) }

// write sets the cookie for so many seconds; a negative number removes it.
func (c Cookies) write(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     c.name(),
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   c.https,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}
