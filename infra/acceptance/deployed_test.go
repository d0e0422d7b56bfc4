//go:build deployed

package acceptance_test

import (
	"os"
	"strings"
	"testing"

	"latchkey/infra/acceptance"
)

// TestDeployed is `make e2e`. It runs against the Latchkey at BASE_URL. If MAIL_URL is set, it reads the mails there, from a
// local SES.
func TestDeployed(t *testing.T) {
	base := strings.TrimSuffix(os.Getenv("BASE_URL"), "/")
	if base == "" {
		t.Fatal("BASE_URL is not set: use `make e2e BASE_URL=http://localhost:8000 MAIL_URL=http://127.0.0.1:8005`")
	}
	acceptance.Run(t, acceptance.Deployment{URL: base, MailURL: strings.TrimSuffix(os.Getenv("MAIL_URL"), "/")})
}
