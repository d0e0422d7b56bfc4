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

// HasDynoxide tells whether there is a dynoxide for this system. The registry of npm has it for one platform only.
const HasDynoxide = runtime.GOOS == "linux" && runtime.GOARCH == "amd64"

// StartDynamoDB starts the engine for daily work: dynoxide, which is up in milliseconds, or DynamoDB Local where there is no dynoxide.
func StartDynamoDB(ctx context.Context, o Options) (*Engine, error) {
	if HasDynoxide {
		return StartDynoxide(ctx, o)
	}
	return StartDynamoDBLocal(ctx, o)
}

// StartDynoxide starts dynoxide, whose data, streams included, is one SQLite file.
func StartDynoxide(ctx context.Context, o Options) (*Engine, error) {
	program := filepath.Join(o.Root, dynoxide)
	if err := installed("dynoxide", program); err != nil {
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

// StartDynamoDBLocal starts AWS's own DynamoDB Local, the second opinion. It needs Java, and seconds. It listens on all
// addresses of the machine: there is no option for less.
func StartDynamoDBLocal(ctx context.Context, o Options) (*Engine, error) {
	folder := filepath.Join(o.Root, dynamodbLocal)
	if err := installed("DynamoDB Local", filepath.Join(folder, "DynamoDBLocal.jar")); err != nil {
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

func installed(name, file string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s is not installed: run `make setup`", name)
	}
	return nil
}
