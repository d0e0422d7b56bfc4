// Package keyring keeps the keys of a deployed stack: their places in a parameter store, the set that functions work with while
// keys change under them, and the rotation that changes them.
//
// What it promises: a function works with a whole key set or does not start; whatever a key has made is accepted until it
// expires by itself, through any number of rotations, unless the key is revoked; a revoked key is out of use everywhere within
// the greatest age of a key set.
//
// What it is not: what keys make is package token's, which also judges their material. It knows no AWS; the store comes in as
// an interface. The lives of keys are written at the head of rotate.go.
//
// Below the path of a stack there is one parameter for each key, and nothing that is not made here:
//
//	signing/0001    an asymmetric key: {"key": JWK, "from": time, "life_seconds": number}
//	deriving/0001   a symmetric key, likewise
//	revoked/signing/0001   that key counts for nothing: {"until": time}
//
// Numbers only grow, and a name is never given twice.
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

// Store keeps secrets by name. Each of its calls is atomic and none is conditional but Create.
type Store interface {
	Reader
	// Create makes a value and says so, or says that one of that name is there: of several callers at once one makes it.
	Create(ctx context.Context, name string, value secret.String) (made bool, err error)
	// Replace gives a name another value.
	Replace(ctx context.Context, name string, value secret.String) error
	// Delete removes a value; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}
