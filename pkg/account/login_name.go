package account

import (
	"crypto/sha256"
	"strings"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
)

// AbsentUserID is the id that stands for a login name which no account has: its reads and counts are those of a known one. It
// follows from the name, so that a flood of unknown names spreads over the store's partitions.
func AbsentUserID(canonical string) id.ID {
	sum := sha256.Sum256([]byte("absent\x00" + canonical))
	return id.ID(sum[:id.Size])
}

// LoginName is what a person typed to name an account: a username or an address, in canonical form.
type LoginName struct {
	Canonical string
	IsAddress bool
}

// ParseLoginName reads a login name. One that no account can have is no error: it finds nothing, like any other
// unknown one, and takes as long. A username never contains an @ and an address always does.
func ParseLoginName(typed string) LoginName {
	if strings.Contains(typed, "@") {
		if address, err := identifier.ParseAddress(typed); err == nil {
			return LoginName{Canonical: address.Canonical, IsAddress: true}
		}
		return LoginName{Canonical: typed, IsAddress: true}
	}
	return LoginName{Canonical: identifier.CanonicalUsername(typed)}
}
