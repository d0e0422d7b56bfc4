package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/testkit"
)

// translated returns the stack that SAM creates with these parameters, or the reason for which the deployment would be refused.
func translated(t *testing.T, parameters ...string) (stack, reason string) {
	t.Helper()
	root := testkit.Root(t)
	command := exec.CommandContext(t.Context(), filepath.Join(root, ".tools", "venv", "bin", "python3"),
		append([]string{"infra/tools/translate.py", "template.yaml"}, parameters...)...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", err.Error() + ": " + stderr.String()
	}
	return string(output), ""
}

// TestRules checks that the template refuses values with which a stack could not work. CloudFormation checks rules and patterns
// before it creates anything, and infra/tools/translate.py does so in the same way.
func TestRules(t *testing.T) {
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
			stack, reason := translated(t, test.parameters...)
			if refused := stack == ""; refused != (test.want != "") || !strings.Contains(reason, test.want) {
				t.Errorf("%v: got the reason %q, want %q", test.parameters, reason, test.want)
			}
		})
	}
}

// TestTheKeysHaveOneQualifier checks that the custom resource and the schedule invoke the same version of rotate-keys. Otherwise, the
// schedule would undo a change of SigningAlgorithm that the deployment had made.
func TestTheKeysHaveOneQualifier(t *testing.T) {
	text, reason := translated(t)
	var stack struct {
		Resources struct {
			Keys struct {
				Properties struct{ ServiceToken map[string]any }
			}
			Daily struct {
				Properties struct {
					Targets []struct{ Arn map[string]any }
				}
			} `json:"RotateKeysDaily"`
		}
	}
	if err := json.Unmarshal([]byte(text), &stack); err != nil {
		t.Fatalf("%v: %s", err, reason)
	}
	token, targets := stack.Resources.Keys.Properties.ServiceToken, stack.Resources.Daily.Properties.Targets
	if len(targets) != 1 || len(token) != 1 || !maps.Equal(token, targets[0].Arn) {
		t.Errorf("got the custom resource at %v and the schedule at %v, want both at the same alias", token, targets)
	}
}
