package main

import (
	"os/exec"
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
