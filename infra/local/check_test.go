package main

import (
	"crypto/rand"
	"maps"
	"strings"
	"testing"

	"latchkey/infra/local/template"
	"latchkey/pkg/token"
)

func TestCheckConfiguration(t *testing.T) {
	keys, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]string{
		"PUBLIC_URL": "http://localhost:8000", "DYNAMODB_ENDPOINT": "http://127.0.0.1:8001", "SES_ENDPOINT": "http://127.0.0.1:8005",
		"SIGNING_KEYS": string(keys),
	}
	tests := map[string]struct {
		change map[string]string
		want   []string
	}{
		"as it is":          {nil, nil},
		"http elsewhere":    {map[string]string{"PUBLIC_URL": "http://example.com"}, []string{"PUBLIC_URL: "}},
		"an empty key set":  {map[string]string{"SIGNING_KEYS": "{}"}, []string{"SIGNING_KEYS: "}},
		"far too long":      {map[string]string{"REFRESH_TOKEN_SECONDS": "99999999999"}, []string{"REFRESH_TOKEN_SECONDS: "}},
		"an upper-case URL": {map[string]string{"ALLOWED_ORIGINS": "https://A.example.com"}, []string{"ALLOWED_ORIGINS: "}},
		"two at once": {map[string]string{"PUBLIC_URL": "http://example.com", "SESSION_MAX_SECONDS": "99999999999"},
			[]string{"PUBLIC_URL: ", "SESSION_MAX_SECONDS: "}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			environment := maps.Clone(good)
			maps.Copy(environment, test.change)
			loaded, err := template.Load("../../template.yaml", environment)
			if err != nil {
				t.Fatal(err)
			}
			err = checkConfiguration(loaded.Functions)
			if (err == nil) != (test.want == nil) || err != nil && strings.Contains(err.Error(), "\n") {
				t.Fatalf("the error is %v", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not name %s: %v", part, err)
				}
			}
		})
	}
}
