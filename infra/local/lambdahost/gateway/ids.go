package gateway

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"
)

// requestID makes an id in the form of the service's: 16 characters, the last of them "=".
func requestID(random io.Reader) string {
	return base64.URLEncoding.EncodeToString(read(random, 11))
}

// traceRoot makes the Root of an X-Ray trace id: version, seconds in hexadecimal, 96 random bits.
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
