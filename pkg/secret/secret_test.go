package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/pkg/secret"
)

func TestASecretDoesNotPrint(t *testing.T) {
	const value = "open sesame"
	password := secret.New(value)
	within := struct{ Field secret.String }{password}
	var text, structured bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "secret", password, "within", within)
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("x", "secret", password, "within", within)
	encoded, err := json.Marshal(within)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{text.String(), structured.String(), string(encoded), password.String(), password.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, password), fmt.Sprintf(verb, within), fmt.Sprintf(verb, &within))
	}
	for _, output := range printed {
		if strings.Contains(output, value) || strings.Contains(output, fmt.Sprintf("%x", value)) {
			t.Errorf("got the secret in %q, want only the placeholder", output)
		}
	}
	if got := password.Reveal(); got != value {
		t.Errorf("Reveal() = %q, want %q", got, value)
	}
}

func TestUnmarshal(t *testing.T) {
	tests := map[string]struct {
		document string
		want     string
		fails    bool
	}{
		"a string":  {`"pass\u0000word"`, "pass\x00word", false},
		"null":      {`null`, "", false},
		"a number":  {`7`, "", true},
		"an object": {`{}`, "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got secret.String
			if err := json.Unmarshal([]byte(test.document), &got); (err != nil) != test.fails || got.Reveal() != test.want {
				t.Errorf("unmarshaling %s: got %q, error %v; want %q, an error: %v", test.document, got.Reveal(), err, test.want, test.fails)
			}
			if got.IsZero() != (test.want == "") {
				t.Errorf("unmarshaling %s: IsZero() = %v, want %v", test.document, got.IsZero(), test.want == "")
			}
		})
	}
}
