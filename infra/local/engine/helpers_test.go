package engine_test

import (
	"os"
	"testing"

	"latchkey/infra/local/engine"
)

func root(t *testing.T) string {
	t.Helper()
	folder, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// sameFile sees through the symbolic link that some systems have for their temporary folder.
func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	first, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(first, second)
}
