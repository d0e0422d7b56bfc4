package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// folder is where a run keeps its files.
type folder struct {
	data    string // folder of what the engine keeps; "" for nothing
	streams string // folder of how far the streams have come; "" for nothing
	bin     string // the function binaries
	keys    string // file of the private key set
	close   func()
}

// openFolder makes the folder if need be, and holds it until close. With fresh, what former runs kept there is removed, and nothing
// else: it may be a folder with other things in it.
func openFolder(name string, fresh bool) (folder, error) {
	path, err := filepath.Abs(name) // the engine may have another working directory
	if err != nil {
		return folder{}, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return folder{}, fmt.Errorf("making the data folder: %w; set DATA_DIR=…", err)
	}
	f := within(path)
	f.data, f.streams = filepath.Join(path, "tables"), filepath.Join(path, "streams")
	f.close, err = lock(filepath.Join(path, "lock"))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return folder{}, fmt.Errorf("data folder %s is in use by another run; end that one or set DATA_DIR=…", path)
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

// temporaryFolder has no place for an engine's data, and is removed by close.
func temporaryFolder() (folder, error) {
	path, err := os.MkdirTemp("", "latchkey-")
	if err != nil {
		return folder{}, fmt.Errorf("making a temporary folder: %w", err)
	}
	f := within(path)
	f.close = func() { _ = os.RemoveAll(path) }
	return f, nil
}

func within(path string) folder {
	return folder{bin: filepath.Join(path, "bin"), keys: filepath.Join(path, "signing-keys.json")}
}

// lock takes the file for this process. The kernel gives it back however the process ends, so the file itself means nothing and
// stays. Children do not inherit it: one that outlived us for a moment would keep the next run out.
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
