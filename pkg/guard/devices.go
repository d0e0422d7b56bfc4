package guard

import (
	"io"
	"strings"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// deviceKeys derive and read the parts of device cookies without a call to a store.
type deviceKeys interface {
	// SealDevice derives the text for a device with the current key. The same device gives the same text.
	SealDevice(device Familiar) secret.String
	// OpenDevice returns the device of a text, or an error if no key of the key set derived it.
	OpenDevice(text string) (Familiar, error)
}

// maxDevices is the number of accounts that a browser remembers. A cookie with as many fits into the 4 kB that browsers store.
const maxDevices = 5

// separator separates the devices in a cookie. It is no character of base64url.
const separator = "."

// Devices recognizes devices on which a user has signed in before, by a cookie. The cookie names one device for each account that
// has been used in the browser, the last one first.
//
// The cookie grants no access. The device only has its own counts, so an attacker who guesses at an account does not lock
// its owner out. It is valid until the account's epoch changes.
type Devices struct {
	keys   deviceKeys
	random io.Reader
}

// NewDevices returns Devices. random must be a cryptographic source that cannot fail.
func NewDevices(keys deviceKeys, random io.Reader) *Devices {
	return &Devices{keys: keys, random: random}
}

// read returns the devices in a cookie, without those that the service did not issue.
func (d *Devices) read(cookie secret.String) []Familiar {
	var devices []Familiar
	for text := range strings.SplitSeq(cookie.Reveal(), separator) {
		if len(devices) == maxDevices {
			break
		}
		if device, err := d.keys.OpenDevice(text); err == nil {
			devices = append(devices, device)
		}
	}
	return devices
}

// Remember returns the cookie for a browser in which user has just signed in. sent is the cookie that the browser sent. The browser
// stays a device of the other accounts in it. It keeps the id of its device if the one in the cookie is still valid for the user,
// and gets a new one otherwise.
func (d *Devices) Remember(sent secret.String, user account.User) secret.String {
	return d.remember(sent, user, Familiar{})
}

// remember is Remember after an attempt that counted for known, which is zero for an unknown caller.
func (d *Devices) remember(sent secret.String, user account.User, known Familiar) secret.String {
	all := d.read(sent)
	current := recognize(all, user)
	if current.Device.IsZero() {
		current = Familiar{User: user.ID, Epoch: user.Epoch, Device: id.New(d.random)}
	}
	if known.Device == current.Device {
		current.Forgiven = known.Forgiven
	}
	texts := []string{d.keys.SealDevice(current).Reveal()}
	for _, other := range all {
		if other.User != user.ID && len(texts) < maxDevices {
			texts = append(texts, d.keys.SealDevice(other).Reveal())
		}
	}
	return secret.New(strings.Join(texts, separator))
}
