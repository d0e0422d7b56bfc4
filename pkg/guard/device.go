package guard

import (
	"io"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// DeviceClaims is what a device cookie says: on this device somebody signed in to that account, in that epoch.
type DeviceClaims struct {
	User   id.ID
	Epoch  uint64
	Device id.ID // random; the device's name for us, from its first sign-in on
}

// deviceKeys derive and read device cookies without a call to anything.
type deviceKeys interface {
	// SealDevice derives the one cookie that the claims have under the current key.
	SealDevice(claims DeviceClaims) secret.String
	// OpenDevice returns what a cookie says, or an error for one that no key of the set made.
	OpenDevice(cookie string) (DeviceClaims, error)
}

// Devices recognises devices that were here before, by a cookie that opens nothing: it only keeps their tries apart from those
// of strangers, so that who guesses at an account does not lock its owner out. It ends with the account's epoch.
type Devices struct {
	keys   deviceKeys
	random io.Reader
}

// NewDevices returns Devices. random must be a cryptographic source that cannot fail.
func NewDevices(keys deviceKeys, random io.Reader) *Devices {
	return &Devices{keys: keys, random: random}
}

// Owner returns whose device a cookie is of, whatever has become of the account since; false for a cookie that is not ours.
func (d *Devices) Owner(cookie secret.String) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	return claims.User, err == nil
}

// recognise returns the device if the cookie is of one that user, in this epoch, has signed in on.
func (d *Devices) recognise(cookie secret.String, user account.User) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	if err != nil || claims.User != user.ID || claims.Epoch != user.Epoch {
		return id.ID{}, false
	}
	return claims.Device, true
}

// Remember returns the cookie for a device on which user has just shown who they are: the name it has, or a new one.
func (d *Devices) Remember(cookie secret.String, user account.User) secret.String {
	device, known := d.recognise(cookie, user)
	if !known {
		device = id.New(d.random)
	}
	return d.keys.SealDevice(DeviceClaims{User: user.ID, Epoch: user.Epoch, Device: device})
}
