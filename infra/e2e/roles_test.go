package e2e_test

import (
	"flag"
	"os"

	"latchkey/infra/local/roles"
	"latchkey/infra/testkit/wiretap"
)

// faultsOfRoles compares what the functions did with what their roles in template.yaml allow: nothing refused and, when all tests have
// run, nothing allowed that no function has needed.
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

// allTests says that no test was left out on the command line.
func allTests() bool {
	return flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
}
