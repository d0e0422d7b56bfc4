package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/testkit"
)

// TestRules checks that the template refuses values with which a stack could not work. CloudFormation checks rules and patterns
// before it creates anything, and infra/tools/translate.py does so in the same way.
func TestRules(t *testing.T) {
	root := testkit.Root(t)
	tests := map[string]struct {
		parameters []string
		want       string
	}{
		"dev with the defaults":              {nil, ""},
		"prod with a sender and an address":  {[]string{"Stage=prod", "MailFrom=a@b.example", "AlarmEmail=a@b.example"}, ""},
		"prod with the defaults":             {[]string{"Stage=prod"}, "Stage=prod needs MailFrom"},
		"prod without an address for alarms": {[]string{"Stage=prod", "MailFrom=a@b.example"}, "Stage=prod needs AlarmEmail"},
		"a domain without a certificate":     {[]string{"DomainName=auth.example.org"}, "DomainName needs CertificateArn"},
		"an unknown stage":                   {[]string{"Stage=test"}, "parameter Stage does not allow 'test'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arguments := append([]string{"infra/tools/translate.py", "template.yaml"}, test.parameters...)
			command := exec.CommandContext(t.Context(), filepath.Join(root, ".tools", "venv", "bin", "python3"), arguments...)
			command.Dir = root
			var stderr bytes.Buffer
			command.Stderr = &stderr
			err := command.Run()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(stderr.String(), test.want)) {
				t.Errorf("%v: got the error %v and the output %q, want %q", test.parameters, err, stderr.String(), test.want)
			}
		})
	}
}
