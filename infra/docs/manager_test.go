package docs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTokenManager tests the guide's TokenManager with responses that the service does not return on demand.
func TestTokenManager(t *testing.T) {
	samples := readSamples(t, guide)
	class := slices.IndexFunc(samples, func(s sample) bool { return strings.Contains(s.text, "\nclass TokenManager:\n") })
	if class < 0 {
		t.Fatal("got a guide without the class TokenManager")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "manager.py"), []byte(samples[class].text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), filepath.Join("testdata", "test_manager.py"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("the tests in test_manager.py failed: %v", err)
	}
}
