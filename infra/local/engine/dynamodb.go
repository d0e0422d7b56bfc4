package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

const (
	dynoxide      = "infra/local/node_modules/@dynoxide/linux-x64/dynoxide"
	dynamodbLocal = ".tools/dynamodb-local"
)

// HasDynoxide reports whether dynoxide exists for this platform. The npm registry has it for Linux on x86-64 only.
const HasDynoxide = runtime.GOOS == "linux" && runtime.GOARCH == "amd64"

// StartDynamoDB starts the default engine: dynoxide, which starts in milliseconds, or else DynamoDB Local.
func StartDynamoDB(ctx context.Context, o Options) (*Engine, error) {
	if HasDynoxide {
		return StartDynoxide(ctx, o)
	}
	return StartDynamoDBLocal(ctx, o)
}

// StartDynoxide starts dynoxide. It stores all data, including streams, in one SQLite file.
func StartDynoxide(ctx context.Context, o Options) (*Engine, error) {
	program := filepath.Join(o.Root, dynoxide)
	if err := checkInstalled("dynoxide", program); err != nil {
		return nil, err
	}
	return launch(ctx, "dynoxide", o.Port, func(port int) *exec.Cmd {
		arguments := []string{"--host", "127.0.0.1", "--port", strconv.Itoa(port)}
		if o.Folder != "" {
			arguments = append(arguments, "--db-path", filepath.Join(o.Folder, "dynoxide.db"))
		}
		return exec.Command(program, arguments...)
	})
}

// StartDynoxideFrom starts dynoxide with the tables and items of an export, in memory. It takes about 40 s for a million items, and
// as much memory as about half a kilobyte for each.
func StartDynoxideFrom(ctx context.Context, o Options, export Export) (*Engine, error) {
	program := filepath.Join(o.Root, dynoxide)
	if err := checkInstalled("dynoxide", program); err != nil {
		return nil, err
	}
	return launchWithin(ctx, max(export.Limit, startTimeout), "dynoxide", o.Port, func(port int) *exec.Cmd {
		return exec.Command(program, "import", "--source", export.Folder, "--schema", export.Schema,
			"--serve", "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	})
}

// StartDynamoDBLocal starts DynamoDB Local, the emulator of AWS. It needs Java and takes seconds to start. It listens on
// all addresses of the machine, because it has no option for one address.
func StartDynamoDBLocal(ctx context.Context, o Options) (*Engine, error) {
	folder := filepath.Join(o.Root, dynamodbLocal)
	if err := checkInstalled("DynamoDB Local", filepath.Join(folder, "DynamoDBLocal.jar")); err != nil {
		return nil, err
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("DynamoDB Local needs Java: install a Java runtime of version 11 or later")
	}
	return launch(ctx, "DynamoDB Local", o.Port, func(port int) *exec.Cmd {
		arguments := []string{
			"-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
			"-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port),
		}
		if o.Folder == "" {
			arguments = append(arguments, "-inMemory")
		} else {
			arguments = append(arguments, "-dbPath", o.Folder)
		}
		cmd := exec.Command(java, arguments...)
		cmd.Dir = folder
		return cmd
	})
}

// checkInstalled returns an error that names the remedy if file, which belongs to the tool name, does not exist.
func checkInstalled(name, file string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s is not installed: run `make setup`", name)
	}
	return nil
}
