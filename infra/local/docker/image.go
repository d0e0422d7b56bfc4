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

// LambdaImage is the base image of functions with the runtime provided.al2023.
const LambdaImage = "public.ecr.aws/lambda/provided:al2023"

// standIn is the name of the image of MakeStandIn.
const standIn = "latchkey-stand-in:al2023"

// pullTimeout suits an image of 40 MB.
const pullTimeout = 3 * time.Minute

// Pull downloads the image unless the engine has it already.
func (e *Engine) Pull(ctx context.Context, image string) error {
	if _, err := e.run(ctx, nil, "image", "inspect", image); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	_, err := e.run(ctx, nil, "pull", "--quiet", image)
	return err
}

// certificates is the path of the public root certificates, on this machine and in the image. Functions need them to
// connect to the internet.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// MakeStandIn creates a replacement for LambdaImage, for machines without access to an image registry. The image has a
// shell, which SAM needs to add its runtime emulator, the public root certificates, and the folders of Lambda. It has no
// libc, so a binary that needs one fails in it. MakeStandIn needs a static busybox on this machine, whose platform must be
// that of the engine. It returns the name of the image and a function that removes it.
func (e *Engine) MakeStandIn(ctx context.Context) (name string, remove func(), err error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return "", nil, fmt.Errorf("creating an image: busybox is not installed: install a static one (busybox-static)")
	}
	var archive bytes.Buffer
	if err := writeRoot(tar.NewWriter(&archive), busybox, certificates); err != nil {
		return "", nil, fmt.Errorf("creating an image: %w", err)
	}
	if _, err := e.run(ctx, archive.Bytes(), "import", "-", standIn); err != nil {
		return "", nil, err
	}
	return standIn, func() { _, _ = e.run(context.WithoutCancel(ctx), nil, "image", "rm", "--force", standIn) }, nil
}

// applets lists the commands of busybox that SAM uses to add its emulator.
var applets = []string{"sh", "mv", "chmod"}

// writeRoot writes the root file system of the stand-in image. It reads the files at the paths busybox and roots.
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
