package random_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"latchkey/pkg/random"
)

func TestBytesReturnsTheSource(t *testing.T) {
	source := []byte{1, 2, 3, 4, 5}
	if got, want := random.Bytes(iotest.OneByteReader(bytes.NewReader(source)), 4), source[:4]; !bytes.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBytesPanicsIfTheSourceFails(t *testing.T) {
	tests := map[string]io.Reader{
		"an error":     iotest.ErrReader(errors.New("no entropy")),
		"a short read": bytes.NewReader([]byte{1, 2, 3}),
	}
	for name, source := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("Bytes returned after %s, want a panic", name)
				}
			}()
			random.Bytes(source, 4)
		})
	}
}
