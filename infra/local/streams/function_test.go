package streams

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

// logWriter appends the lines of the host to the feed's log.
type logWriter struct{ *feed }

func (w logWriter) Write(line []byte) (int, error) {
	w.logf("%s", line)
	return len(line), nil
}

func TestRecordsAreDeliveredAgainAfterACrash(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	bin, folder := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-tags=lambda.norpc", "-o", filepath.Join(bin, "probe"), "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the probe: %v\n%s", err, output)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := f.options()
	probe := &o.Template.Functions[0]
	probe.Folder, probe.Timeout, probe.Environment = "functions/probe", 10*time.Second, map[string]string{"FOLDER": folder}
	host, err := lambdahost.Start(t.Context(), lambdahost.Options{Template: o.Template, BinDir: bin, Listener: listener, Log: logWriter{f}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	o.Invoke, o.Logf = host.Invoke, host.Logf

	write(t, filepath.Join(folder, "crash"), "")
	f.put("abc")
	m, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	testkit.Eventually(t, "each record once", func() bool {
		got, _ := os.ReadFile(filepath.Join(folder, "got"))
		return string(got) == "abc"
	})
	if !f.logged("host | Mailer/Outbox: 3 records from") || !f.logged("exit status 3") {
		t.Errorf("got log %q, want lines about the failed records and exit status 3", f.log)
	}
}
