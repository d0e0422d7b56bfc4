package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// LambdaImage is the base image of functions that are binaries of their own.
const LambdaImage = "public.ecr.aws/lambda/provided:al2023"

// standIn is the name of our own image, which is nobody else's.
const standIn = "latchkey-stand-in:al2023"

// pullTimeout is for an image of 40 MB.
const pullTimeout = 3 * time.Minute

// Pull fetches the image unless the engine has it.
func (e *Engine) Pull(ctx context.Context, image string) error {
	if _, err := e.run(ctx, nil, "image", "inspect", image); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	_, err := e.run(ctx, nil, "pull", "--quiet", image)
	return err
}

// certificates are the public roots, on this machine and in the image, for functions that speak to the internet.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// MakeStandIn makes an image that takes LambdaImage's place where no registry of images can be reached: a shell, which SAM needs to
// add its runtime emulator, the public roots, and the folders of Lambda. It has no libc, so it finds binaries that want one. It needs
// a static busybox on this machine, which must be of the engine's kind. The name of the image is returned, and remove removes it.
func (e *Engine) MakeStandIn(ctx context.Context) (name string, remove func(), err error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return "", nil, fmt.Errorf("making an image: busybox is missing; install a static one (busybox-static)")
	}
	var archive bytes.Buffer
	if err := writeRoot(tar.NewWriter(&archive), busybox, certificates); err != nil {
		return "", nil, fmt.Errorf("making an image: %w", err)
	}
	if _, err := e.run(ctx, archive.Bytes(), "import", "-", standIn); err != nil {
		return "", nil, err
	}
	return standIn, func() { _, _ = e.run(context.WithoutCancel(ctx), nil, "image", "rm", "--force", standIn) }, nil
}

// applets are the names under which busybox is called when SAM adds its emulator.
var applets = []string{"sh", "mv", "chmod"}

func writeRoot(archive *tar.Writer, busybox, roots string) error {
	for _, folder := range []string{"bin/", "etc/ssl/certs/", "opt/", "tmp/", "var/task/", "var/runtime/", "var/rapid/"} {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o777}); err != nil {
			return err
		}
	}
	for name, source := range map[string]string{"bin/busybox": busybox, certificates[1:]: roots} {
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	for _, applet := range applets {
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}
		if err := archive.WriteHeader(link); err != nil {
			return err
		}
	}
	return archive.Close()
}
