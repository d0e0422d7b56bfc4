// Package keyring manages the keys of a deployed stack: their parameters, the key set that functions use while keys are being
// replaced, and the rotation that replaces them.
//
// It guarantees three things. A function works with a complete key set or does not start. Any number of rotations leaves the
// tokens of a key valid until they expire, unless the key is revoked. A revoked key is out of use everywhere after the maximum
// age of a key set.
//
// Package token creates tokens with the keys, and checks the key material. This package does not know AWS: the parameter store
// is an interface. The head of rotate.go describes the life of a key.
//
// Below the path of a stack there is one parameter for each key:
//
//	signing/0001           an asymmetric key: {"key": JWK, "from": time, "life_seconds": number}
//	deriving/0001          a symmetric key in the same form
//	revoked/signing/0001   marks that key as revoked: {"until": time}
//
// Numbers only grow, and a name is never reused.
package keyring

import (
	"context"

	"latchkey/pkg/secret"
)

// Reader reads secrets by name.
type Reader interface {
	// ReadBelow returns all values below path, at any depth, by their full names.
	ReadBelow(ctx context.Context, path string) (map[string]secret.String, error)
}

// Store holds secrets by name. Each call is atomic. Only Create is conditional.
type Store interface {
	Reader
	// Create stores a value under a new name and reports whether it did. If the name exists, it changes nothing. Of
	// concurrent callers, exactly one creates the value.
	Create(ctx context.Context, name string, value secret.String) (created bool, err error)
	// Replace stores a value under a name, whether or not the name exists.
	Replace(ctx context.Context, name string, value secret.String) error
	// Delete deletes a value. A missing value is not an error.
	Delete(ctx context.Context, name string) error
}
