package account

import "latchkey/pkg/secret"

// PasswordHasher turns a password into what is stored.
type PasswordHasher interface {
	Hash(password secret.String) secret.String
}

// PasswordPolicy says why a password is refused; the error's text is for people.
type PasswordPolicy interface {
	Check(password secret.String, username, email string) error
}

// CheckPassword holds the policy against the user's names in both forms: as typed and as they are compared.
func CheckPassword(policy PasswordPolicy, password secret.String, user User) error {
	if err := policy.Check(password, user.Username.Typed, user.Email.Typed); err != nil {
		return err
	}
	return policy.Check(password, user.Username.Canonical, user.Email.Canonical)
}
