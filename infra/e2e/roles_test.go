package e2e_test

import (
	"flag"
	"os"

	"latchkey/infra/local/roles"
	"latchkey/infra/testkit/wiretap"
)

// faultsOfRoles compares the calls of the functions with their roles in template.yaml. It reports calls that a role does not
// allow and, if all tests have run, permissions that no call has used.
func faultsOfRoles(template string, uses []wiretap.Use) ([]string, error) {
	text, err := os.ReadFile(template)
	if err != nil {
		return nil, err
	}
	grants, err := roles.Parse(text)
	if err != nil {
		return nil, err
	}
	faults := roles.Refused(grants, uses)
	if allTests() {
		faults = append(faults, roles.Unused(grants, uses)...)
	}
	return faults, nil
}

// allTests reports whether the command line selects all tests.
func allTests() bool {
	return flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
}
