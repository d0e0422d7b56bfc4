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
	valid := map[string]string{
		"PUBLIC_URL": "http://localhost:8000", "DYNAMODB_ENDPOINT": "http://127.0.0.1:8001", "SES_ENDPOINT": "http://127.0.0.1:8005",
		"SIGNING_KEYS": string(keys),
	}
	tests := map[string]struct {
		change map[string]string
		want   []string
	}{
		"valid":             {nil, nil},
		"http not local":    {map[string]string{"PUBLIC_URL": "http://example.com"}, []string{"PUBLIC_URL: "}},
		"empty key set":     {map[string]string{"SIGNING_KEYS": "{}"}, []string{"SIGNING_KEYS: "}},
		"short client key":  {map[string]string{"CLIENT_KEYS": "short"}, []string{"CLIENT_KEYS: "}},
		"lifetime too long": {map[string]string{"REFRESH_TOKEN_SECONDS": "99999999999"}, []string{"REFRESH_TOKEN_SECONDS: "}},
		"upper-case origin": {map[string]string{"ALLOWED_ORIGINS": "https://A.example.com"}, []string{"ALLOWED_ORIGINS: "}},
		"two errors": {map[string]string{"PUBLIC_URL": "http://example.com", "SESSION_MAX_SECONDS": "99999999999"},
			[]string{"PUBLIC_URL: ", "SESSION_MAX_SECONDS: "}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			environment := maps.Clone(valid)
			maps.Copy(environment, test.change)
			app, err := template.Load("../../template.yaml", environment)
			if err != nil {
				t.Fatal(err)
			}
			err = checkConfiguration(app.Functions)
			if (err == nil) != (test.want == nil) || err != nil && strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v: got error %v, want one line with %q", test.change, err, test.want)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v: got error %v, want %s in it", test.change, err, part)
				}
			}
		})
	}
}
