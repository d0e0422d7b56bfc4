package population

import (
	"bufio"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
)

// exportFile is a compressed file of an export.
type exportFile struct {
	*bufio.Writer
	compressed *gzip.Writer
	file       *os.File
}

// createFile creates the only file in a new folder.
func createFile(folder string) (*exportFile, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(folder, "items.json.gz"))
	if err != nil {
		return nil, err
	}
	compressed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &exportFile{bufio.NewWriterSize(compressed, 1<<20), compressed, file}, nil
}

// close writes what is left.
func (f *exportFile) close() error {
	return errors.Join(f.Flush(), f.compressed.Close(), f.file.Close())
}
