package gateway

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"
)

// requestID returns a random id in the form of the service: 16 characters, of which the last is "=".
func requestID(random io.Reader) string {
	return base64.URLEncoding.EncodeToString(read(random, 11))
}

// traceRoot returns the Root of an X-Ray trace id: the version, the time in hexadecimal seconds, and 96 random bits.
func traceRoot(random io.Reader, now time.Time) string {
	return fmt.Sprintf("1-%08x-%x", now.Unix(), read(random, 12))
}

func read(random io.Reader, size int) []byte {
	bytes := make([]byte, size)
	if _, err := io.ReadFull(random, bytes); err != nil {
		panic("gateway: the random source failed: " + err.Error())
	}
	return bytes
}
