package keyring_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/keyring"
	"latchkey/pkg/secret"
)

// values is a reader that returns the values of a fuzzer.
type values map[string]secret.String

// ReadBelow implements [keyring.Reader].
func (v values) ReadBelow(context.Context, string) (map[string]secret.String, error) { return v, nil }

// FuzzParameters opens a ring with any parameter. The result is a ring, or an error that does not contain the value.
func FuzzParameters(f *testing.F) {
	for _, seed := range [][2]string{
		{"signing/0001", `{"key":{"kty":"EC","alg":"ES256","kid":"a"},"from":"2026-01-01T00:00:00Z","life_seconds":1}`},
		{"deriving/0001", `{"key":{"kty":"oct","alg":"HS256","kid":"a","k":"AA"},"from":"2026-01-01T00:00:00Z","life_seconds":1}`},
		{"revoked/signing/0001", `{"until":"2026-01-01T00:00:00Z"}`},
		{"signing/1", `[]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		const marker = "MARKERMARKER"
		value = strings.ReplaceAll(value, "a", marker)
		ring, err := keyring.Open(t.Context(), values{"/p/" + name: secret.New(value)}, keyring.Options{
			Path: "/p", MaxAge: time.Minute, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Log: slog.New(slog.DiscardHandler),
		})
		if (ring == nil) == (err == nil) {
			t.Fatalf("Open with the parameter %q = %v, error %v; want exactly one of them", name, ring, err)
		}
		if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), name, ""), marker) {
			t.Errorf("the error %q contains the value", err)
		}
	})
}
