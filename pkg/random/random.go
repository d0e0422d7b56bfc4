// Package random reads bytes from a cryptographic source.
//
// Every secret, identifier and salt of the product comes from a source that is an argument, so that tests can replace it.
package random

import "io"

// Bytes returns size bytes of source, which must be a cryptographic source that cannot fail, as crypto/rand.Reader is.
// It panics if source returns an error, because a caller that continued would hand out a predictable secret.
func Bytes(source io.Reader, size int) []byte {
	data := make([]byte, size)
	if _, err := io.ReadFull(source, data); err != nil {
		panic("random: reading the random source: " + err.Error())
	}
	return data
}
