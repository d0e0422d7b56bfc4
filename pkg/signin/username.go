package signin

import (
	"encoding/hex"

	"latchkey/pkg/identifier"
	"latchkey/pkg/random"
)

// username derives a username from the name that a provider reports.
func (s *IdentityLogin) username(name string) identifier.Username {
	username, err := identifier.ParseUsername(identifier.UsernameStem(name))
	if err != nil {
		return s.suffixedUsername(name)
	}
	return username
}

// suffixSize is the size of the random suffix of a username, in bytes.
const suffixSize = 4

// suffixedUsername derives a username with a random suffix. It is used if the username without one is taken or too short.
func (s *IdentityLogin) suffixedUsername(name string) identifier.Username {
	suffix := hex.EncodeToString(random.Bytes(s.random, suffixSize))
	username, err := identifier.ParseUsername(identifier.UsernameStem(name) + "_" + suffix)
	if err != nil {
		panic("signin: a username stem cannot have a suffix: " + err.Error())
	}
	return username
}

// truncate returns at most the first limit code points of a text.
func truncate(text string, limit int) string {
	runes := []rune(text)
	return string(runes[:min(limit, len(runes))])
}
