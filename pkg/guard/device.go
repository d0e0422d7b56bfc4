package guard

import (
	"io"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// DeviceClaims is the content of a device cookie: a sign-in to this account, in this epoch, succeeded on this device.
type DeviceClaims struct {
	User   id.ID
	Epoch  uint64
	Device id.ID // random; assigned at the first sign-in on the device
}

// deviceKeys derive and read device cookies without a call to a store.
type deviceKeys interface {
	// SealDevice derives the cookie for the claims with the current key. The same claims give the same text.
	SealDevice(claims DeviceClaims) secret.String
	// OpenDevice returns the claims of a cookie, or an error if no key of the key set derived it.
	OpenDevice(cookie string) (DeviceClaims, error)
}

// Devices recognizes devices on which a user has signed in before, by a cookie.
//
// The cookie grants no access. The device only has its own counter, so an attacker who guesses at an account does not lock
// its owner out. It is valid until the account's epoch changes.
type Devices struct {
	keys   deviceKeys
	random io.Reader
}

// NewDevices returns Devices. random must be a cryptographic source that cannot fail.
func NewDevices(keys deviceKeys, random io.Reader) *Devices {
	return &Devices{keys: keys, random: random}
}

// Owner returns the user that the device cookie was issued for, even if the account has changed since. It returns false if
// the cookie is not one of this service.
func (d *Devices) Owner(cookie secret.String) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	return claims.User, err == nil
}

// recognize returns the device if user has signed in on it in the current epoch.
func (d *Devices) recognize(cookie secret.String, user account.User) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	if err != nil || claims.User != user.ID || claims.Epoch != user.Epoch {
		return id.ID{}, false
	}
	return claims.Device, true
}

// Remember returns the cookie for a device on which user has just signed in. The device keeps its id if the cookie that the
// browser sent is still valid for the user, and gets a new one otherwise.
func (d *Devices) Remember(cookie secret.String, user account.User) secret.String {
	device, known := d.recognize(cookie, user)
	if !known {
		device = id.New(d.random)
	}
	return d.keys.SealDevice(DeviceClaims{User: user.ID, Epoch: user.Epoch, Device: device})
}
