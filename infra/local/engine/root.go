package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root is the folder of the go.mod that the working directory is in, where the template is and the tools are installed. Commands and
// tests run anywhere below it.
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
			return "", fmt.Errorf("finding go.mod: there is none in %s or above it", start)
		}
	}
}
