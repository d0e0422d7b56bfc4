package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// folder contains the paths of a run's files.
type folder struct {
	data    string // folder for the data of the engine; "" keeps it in memory
	streams string // folder for the checkpoints of the streams; "" keeps them in memory
	bin     string // folder for the binaries of the functions
	keys    string // file with the private key set
	close   func()
}

// openFolder creates the folder if necessary and locks it until close. If fresh is set, it removes the files of earlier runs. It
// does not remove any other file, because the folder may contain some.
func openFolder(name string, fresh bool) (folder, error) {
	path, err := filepath.Abs(name) // the engine may have another working directory
	if err != nil {
		return folder{}, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return folder{}, fmt.Errorf("creating the data folder: %w; set DATA_DIR=…", err)
	}
	f := newFolder(path)
	f.data, f.streams = filepath.Join(path, "tables"), filepath.Join(path, "streams")
	f.close, err = lock(filepath.Join(path, "lock"))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return folder{}, fmt.Errorf("data folder %s is in use by another run; stop that one or set DATA_DIR=…", path)
	}
	if err != nil {
		return folder{}, fmt.Errorf("locking the data folder: %w; set DATA_DIR=…", err)
	}
	if fresh {
		err = errors.Join(os.RemoveAll(f.data), os.RemoveAll(f.streams), os.RemoveAll(f.keys))
	}
	if err := errors.Join(err, os.MkdirAll(f.data, 0o700), os.MkdirAll(f.streams, 0o700)); err != nil {
		f.close()
		return folder{}, fmt.Errorf("preparing the data folder: %w; set DATA_DIR=…", err)
	}
	return f, nil
}

// temporaryFolder creates a folder that close removes. The data of the engine and the checkpoints stay in memory.
func temporaryFolder() (folder, error) {
	path, err := os.MkdirTemp("", "latchkey-")
	if err != nil {
		return folder{}, fmt.Errorf("creating a temporary folder: %w", err)
	}
	f := newFolder(path)
	f.close = func() { _ = os.RemoveAll(path) }
	return f, nil
}

func newFolder(path string) folder {
	return folder{bin: filepath.Join(path, "bin"), keys: filepath.Join(path, "signing-keys.json")}
}

// lock locks the file for this process. The kernel releases the lock when the process ends for any reason, so the file can stay.
// Child processes do not inherit the lock. Otherwise a child that ends slightly later could block the next run.
func lock(file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
