package httpapi

import (
	"net/http"
	"time"

	"latchkey/pkg/secret"
)

// securePrefix makes browsers refuse a cookie that another host, or a page without TLS, has set (RFC 6265bis §4.1.3.2).
const securePrefix = "__Host-"

// CookieSet holds how each cookie of the API is written.
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

// ClearSession makes the browser forget its session cookie.
var ClearSession = Cookie{kind: sessionCookie}

// SetSession sets the session cookie.
func SetSession(value secret.String) Cookie { return Cookie{kind: sessionCookie, value: value} }

// SetDevice sets the cookie that recognises a device on which the user has signed in.
func SetDevice(value secret.String) Cookie { return Cookie{kind: deviceCookie, value: value} }

// SetBinding sets the cookie that binds a sign-in at a provider to the browser.
func SetBinding(value secret.String) Cookie { return Cookie{kind: bindingCookie, value: value} }

// write sets or clears a cookie.
func (c CookieSet) write(w http.ResponseWriter, cookie Cookie) {
	written := map[cookieKind]Cookies{sessionCookie: c.Session, deviceCookie: c.Device, bindingCookie: c.Binding}[cookie.kind]
	if cookie.value.IsZero() {
		written.clear(w)
		return
	}
	written.set(w, cookie.value)
}

// Cookies says how cookies of one name are written. They are out of reach of scripts, and are not sent with requests that
// another site makes, top-level navigation apart.
type Cookies struct {
	name  string
	https bool
	life  time.Duration
}

// SessionCookies returns the session cookies of an API that is reached over HTTPS, or else on localhost. Those that are not
// sent again live for idle, whole seconds.
func SessionCookies(https bool, idle time.Duration) Cookies {
	return newCookies("session_id", https, idle)
}

// BindingCookies returns the cookies that bind sign-ins by a provider to a browser, for life, whole seconds.
func BindingCookies(https bool, life time.Duration) Cookies {
	return newCookies("oauth_binding", https, life)
}

// DeviceLife is how long a browser remembers that somebody signed in on it: the keys that derive its cookie are kept as long.
const DeviceLife = 365 * 24 * time.Hour

// DeviceCookies returns the cookies that tell a device that was here before.
func DeviceCookies(https bool) Cookies { return newCookies("device", https, DeviceLife) }

func newCookies(name string, https bool, life time.Duration) Cookies {
	if https {
		name = securePrefix + name
	}
	return Cookies{name: name, https: https, life: life}
}

// read returns the value of the cookie; empty for none.
func (c Cookies) read(r *http.Request) secret.String {
	cookie, err := r.Cookie(c.name)
	if err != nil {
		return secret.String{}
	}
	return secret.New(cookie.Value)
}

// set writes the cookie.
func (c Cookies) set(w http.ResponseWriter, value secret.String) {
	c.write(w, value.Reveal(), int(c.life/time.Second))
}

// clear makes the browser forget the cookie.
func (c Cookies) clear(w http.ResponseWriter) { c.write(w, "", -1) }

// write sets the cookie for so many seconds; a negative number removes it.
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
