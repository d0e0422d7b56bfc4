package main

import (
	"os/exec"
	"testing"
)

// TestStages: `make deploy` and `make destroy` begin with this script, which lets no slip of the hand destroy prod.
func TestStages(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		passes    bool
	}{
		"deploy dev":      {[]string{"dev"}, true},
		"deploy staging":  {[]string{"staging"}, true},
		"deploy prod":     {[]string{"prod"}, true},
		"deploy nothing":  {[]string{""}, false},
		"deploy default":  {[]string{"default"}, false},
		"destroy dev":     {[]string{"dev", "destroy"}, true},
		"destroy staging": {[]string{"staging", "destroy"}, true},
		"destroy prod":    {[]string{"prod", "destroy"}, false},
		"destroy nothing": {[]string{"", "destroy"}, false},
		"destroy two":     {[]string{"dev prod", "destroy"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := exec.CommandContext(t.Context(), "../tools/stage.sh", test.arguments...).Run()
			if passes := err == nil; passes != test.passes {
				t.Errorf("the script ends with %v", err)
			}
		})
	}
}
