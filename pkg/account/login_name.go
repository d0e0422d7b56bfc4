package account

import (
	"crypto/sha256"
	"strings"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
)

// LoginName identifies an account by its username or its address, in canonical form.
type LoginName struct {
	Canonical string
	IsAddress bool
}

// ParseLoginName returns the canonical form of a login name as typed. A text with an @ is an address, and any other text is
// a username, because a username never contains an @.
//
// A text that no account can have is not an error. Like any unknown name it finds no account, and the lookup takes as long.
func ParseLoginName(typed string) LoginName {
	if strings.Contains(typed, "@") {
		if address, err := identifier.ParseAddress(typed); err == nil {
			return LoginName{Canonical: address.Canonical, IsAddress: true}
		}
		return LoginName{Canonical: typed, IsAddress: true}
	}
	return LoginName{Canonical: identifier.CanonicalUsername(typed)}
}

// AbsentUserID returns the id that takes the place of a user's id when no account has the login name. Reads and counters
// then use the same calls as for an existing account. The id is derived from the name, so a flood of unknown names spreads
// over the partitions of the store.
func AbsentUserID(canonical string) id.ID {
	sum := sha256.Sum256([]byte("absent\x00" + canonical))
	return id.ID(sum[:id.Size])
}
