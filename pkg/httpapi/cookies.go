package httpapi

import (
	"net/http"
	"time"

	"latchkey/pkg/secret"
)

// securePrefix makes browsers reject a cookie that another host, or a page without TLS, sets (RFC 6265bis §4.1.3.2).
const securePrefix = "__Host-"

// CookieSet holds the attributes of each cookie of the API.
type CookieSet struct {
	Session Cookies
	Device  Cookies
	Binding Cookies // of sign-ins at a provider
}

// Cookie is a cookie that a response sets or clears.
type Cookie struct {
	kind  cookieKind
	value secret.String // empty clears the cookie
}

type cookieKind int

const (
	sessionCookie cookieKind = iota
	deviceCookie
	bindingCookie
)

// ClearSession makes the browser delete its session cookie.
var ClearSession = Cookie{kind: sessionCookie}

// SetSession sets the session cookie.
func SetSession(value secret.String) Cookie { return Cookie{kind: sessionCookie, value: value} }

// SetDevice sets the cookie that recognises a device on which the user has signed in.
func SetDevice(value secret.String) Cookie { return Cookie{kind: deviceCookie, value: value} }

// SetBinding sets the cookie that binds a sign-in at a provider to the browser.
func SetBinding(value secret.String) Cookie { return Cookie{kind: bindingCookie, value: value} }

// write sets or clears a cookie.
func (c CookieSet) write(w http.ResponseWriter, cookie Cookie) {
	written := c.Session
	switch cookie.kind {
	case deviceCookie:
		written = c.Device
	case bindingCookie:
		written = c.Binding
	case sessionCookie:
	}
	if cookie.value.IsZero() {
		written.clear(w)
		return
	}
	written.set(w, cookie.value)
}

// Cookies holds the attributes of the cookies of one name. Scripts cannot read them, and browsers do not send them with requests
// from another site, except for top-level navigation.
type Cookies struct {
	name  string
	https bool
	life  time.Duration
}

// SessionCookies returns the attributes of session cookies: for an API over HTTPS, or else on localhost. A cookie that is not sent
// again expires after idle, in whole seconds.
func SessionCookies(https bool, idle time.Duration) Cookies {
	return newCookies("session_id", https, idle)
}

// BindingCookies returns the attributes of the cookies that bind sign-ins at a provider to a browser. They expire after life, in
// whole seconds.
func BindingCookies(https bool, life time.Duration) Cookies {
	return newCookies("oauth_binding", https, life)
}

// DeviceLife is the lifetime of a device cookie. The keys that derive it are kept for at least that time.
const DeviceLife = 365 * 24 * time.Hour

// DeviceCookies returns the attributes of the cookies that recognise a device on which a user has signed in.
func DeviceCookies(https bool) Cookies { return newCookies("device", https, DeviceLife) }

func newCookies(name string, https bool, life time.Duration) Cookies {
	if https {
		name = securePrefix + name
	}
	return Cookies{name: name, https: https, life: life}
}

// read returns the value of the cookie, or an empty one if the request has none.
func (c Cookies) read(r *http.Request) secret.String {
	cookie, err := r.Cookie(c.name)
	if err != nil {
		return secret.String{}
	}
	return secret.New(cookie.Value)
}

// Pair returns the cookie as clients send it (RFC 6265 §4.2.1).
func (c Cookies) Pair(value secret.String) string { return c.name + "=" + value.Reveal() }

// set writes the cookie.
func (c Cookies) set(w http.ResponseWriter, value secret.String) {
	c.write(w, value.Reveal(), int(c.life/time.Second))
}

// clear makes the browser delete the cookie.
func (c Cookies) clear(w http.ResponseWriter) { c.write(w, "", -1) }

// write sets the cookie for maxAge seconds. A negative number deletes it.
func (c Cookies) write(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     c.name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   c.https,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}
