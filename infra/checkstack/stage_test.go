package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestStages tests the script that `make deploy` and `make destroy` run first. It prevents the accidental destruction of prod.
func TestStages(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		succeeds  bool
	}{
		"deploy dev":         {[]string{"dev"}, true},
		"deploy staging":     {[]string{"staging"}, true},
		"deploy prod":        {[]string{"prod"}, true},
		"deploy no stage":    {[]string{""}, false},
		"deploy default":     {[]string{"default"}, false},
		"destroy dev":        {[]string{"dev", "destroy"}, true},
		"destroy staging":    {[]string{"staging", "destroy"}, true},
		"destroy prod":       {[]string{"prod", "destroy"}, false},
		"destroy no stage":   {[]string{"", "destroy"}, false},
		"destroy two stages": {[]string{"dev prod", "destroy"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := exec.CommandContext(t.Context(), "../tools/stage.sh", test.arguments...).Run()
			if succeeds := err == nil; succeeds != test.succeeds {
				t.Errorf("stage.sh %q: got %v, want success: %v", test.arguments, err, test.succeeds)
			}
		})
	}
}

// emulatedAWS is an AWS CLI that records its calls in the file $CALLS. Its stack is in the status $STATUS and has the tables a and b, of
// which only a is protected from deletion.
const emulatedAWS = `#!/bin/sh
echo "$*" >> "$CALLS"
case $* in
  *describe-stacks*) echo "$STATUS" ;;
  *list-stack-resources*AWS::DynamoDB::Table*) printf 'a\tb\n' ;;
  *"describe-table --table-name a"*) echo True ;;
  *"describe-table --table-name b"*) echo False ;;
esac
`

// changes runs stack.sh for the stack s with the emulated AWS CLI, and returns the calls that change something.
func changes(t *testing.T, action, status string) []string {
	t.Helper()
	folder := t.TempDir()
	calls := filepath.Join(folder, "calls")
	if err := os.WriteFile(filepath.Join(folder, "aws"), []byte(emulatedAWS), 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "../tools/stack.sh", action, "s")
	command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "CALLS="+calls, "STATUS="+status)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("stack.sh %s: %v: %s", action, err, output)
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(call string) bool {
		return strings.Contains(call, " describe-") || strings.Contains(call, " list-")
	})
}

// TestStackProtection checks that `make deploy STAGE=prod` protects the stack and each of its tables, and that a deployment after a
// failed creation deletes the empty stack, and no other.
func TestStackProtection(t *testing.T) {
	wait := "cloudformation wait stack-delete-complete --stack-name s"
	for _, test := range []struct {
		action, status string
		want           []string
	}{
		{"protect", "CREATE_COMPLETE", []string{"cloudformation update-termination-protection --enable-termination-protection --stack-name s",
			"dynamodb update-table --table-name b --deletion-protection-enabled"}},
		{"clear", "ROLLBACK_COMPLETE", []string{"cloudformation delete-stack --stack-name s", wait}},
		{"clear", "UPDATE_ROLLBACK_COMPLETE", []string{}},
		{"clear", "CREATE_COMPLETE", []string{}},
		{"clear", "", []string{}}, // there is no stack
	} {
		if got := changes(t, test.action, test.status); !slices.Equal(got, test.want) {
			t.Errorf("stack.sh %s with the status %q: got the calls %q, want %q", test.action, test.status, got, test.want)
		}
	}
}

// TestDeploymentsOfProdAreProtected checks that the recipe of `make deploy` protects prod after the deployment, and no other stage.
func TestDeploymentsOfProdAreProtected(t *testing.T) {
	for stage, want := range map[string]bool{"dev": false, "staging": false, "prod": true} {
		recipe, err := exec.CommandContext(t.Context(), "make", "--directory=../..", "--dry-run", "deploy", "STAGE="+stage).CombinedOutput()
		if err != nil {
			t.Fatalf("make --dry-run deploy STAGE=%s: %v: %s", stage, err, recipe)
		}
		_, after, deployed := strings.Cut(string(recipe), "sam deploy")
		protected := strings.Contains(after, `stack.sh protect "latchkey-`+stage+`"`)
		if !deployed || protected != want || !strings.Contains(string(recipe), `stack.sh clear "latchkey-`+stage+`"`) {
			t.Errorf("make deploy STAGE=%s: got the protection %v, want %v:\n%s", stage, protected, want, recipe)
		}
	}
}
