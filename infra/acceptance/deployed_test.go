//go:build deployed

package acceptance_test

import (
	"os"
	"strings"
	"testing"

	"latchkey/infra/acceptance"
)

// TestDeployed visits the Latchkey at BASE_URL, whose mail the local SES at MAIL_URL has, if it is given: `make e2e`.
func TestDeployed(t *testing.T) {
	base := strings.TrimSuffix(os.Getenv("BASE_URL"), "/")
	if base == "" {
		t.Fatal("there is nothing to visit: `make e2e BASE_URL=http://localhost:8000 MAIL_URL=http://127.0.0.1:8005`")
	}
	acceptance.Run(t, acceptance.Deployment{URL: base, MailURL: strings.TrimSuffix(os.Getenv("MAIL_URL"), "/")})
}
