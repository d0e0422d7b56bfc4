package account

import "latchkey/pkg/secret"

// PasswordHasher hashes passwords for storage.
type PasswordHasher interface {
	Hash(password secret.String) secret.String
}

// PasswordPolicy decides which passwords are acceptable.
type PasswordPolicy interface {
	// Check returns the reason why a password is refused, in words for the user, or nil.
	Check(password secret.String, username, email string) error
}

// CheckPassword checks a password against the policy, once with the user's names as typed and once with their canonical
// forms.
func CheckPassword(policy PasswordPolicy, password secret.String, user User) error {
	if err := policy.Check(password, user.Username.Typed, user.Email.Typed); err != nil {
		return err
	}
	return policy.Check(password, user.Username.Canonical, user.Email.Canonical)
}
