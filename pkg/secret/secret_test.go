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
	hidden := secret.New(value)
	within := struct{ Field secret.String }{hidden}
	var text, structured bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "secret", hidden, "within", within)
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("x", "secret", hidden, "within", within)
	encoded, err := json.Marshal(within)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{text.String(), structured.String(), string(encoded), hidden.String(), hidden.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, hidden), fmt.Sprintf(verb, within), fmt.Sprintf(verb, &within))
	}
	for _, output := range printed {
		if strings.Contains(output, value) || strings.Contains(output, fmt.Sprintf("%x", value)) {
			t.Errorf("the secret shows in %s", output)
		}
	}
	if hidden.Reveal() != value {
		t.Error("the value is lost")
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
				t.Errorf("%q, error %v", got.Reveal(), err)
			}
			if got.IsZero() != (test.want == "") {
				t.Errorf("IsZero is %v", got.IsZero())
			}
		})
	}
}
