package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root returns the folder of go.mod, which also contains template.yaml and the installed tools. It searches the working
// directory and the folders above it, so commands and tests can run anywhere in the repository.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding go.mod: %w", err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		switch {
		case err == nil:
			return folder, nil
		case !errors.Is(err, os.ErrNotExist):
			return "", fmt.Errorf("finding go.mod: %w", err)
		case folder == filepath.Dir(folder):
			return "", fmt.Errorf("finding go.mod: %s and the folders above it have none", start)
		}
	}
}
