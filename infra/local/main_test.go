package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		environment []string
		ports       [4]int // API, mail, DynamoDB, OpenID
		folder      string
		endpoint    string
	}{
		"nothing set": {nil, [4]int{8000, 8005, 8001, 8006}, ".data", ""},
		"set empty":   {[]string{"PORT=", "MAIL_PORT=", "DYNAMODB_PORT=", "OPENID_PORT=", "DATA_DIR="}, [4]int{8000, 8005, 8001, 8006}, ".data", ""},
		"all set": {
			[]string{"PORT=1", "MAIL_PORT=2", "DYNAMODB_PORT=0", "OPENID_PORT=3", "DATA_DIR=elsewhere", "DYNAMODB_ENDPOINT=http://127.0.0.1:4"},
			[4]int{1, 2, 0, 3}, "elsewhere", "http://127.0.0.1:4",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := settings(tc.environment)
			if err != nil {
				t.Fatal(err)
			}
			if got := [4]int{o.Port, o.MailPort, o.DynamoDBPort, o.OpenIDPort}; got != tc.ports {
				t.Errorf("%q: got ports %v, want %v", tc.environment, got, tc.ports)
			}
			if o.DataDir != tc.folder || o.DynamoDBEndpoint != tc.endpoint {
				t.Errorf("%q: got folder %q, endpoint %q; want %q, %q", tc.environment, o.DataDir, o.DynamoDBEndpoint, tc.folder, tc.endpoint)
			}
		})
	}
}

func TestSettingsRefuseInvalidPorts(t *testing.T) {
	for _, entry := range []string{"PORT=http", "MAIL_PORT=-1", "DYNAMODB_PORT=65536", "OPENID_PORT=x"} {
		name, value, _ := strings.Cut(entry, "=")
		want := name + ` is "` + value + `"; set it to`
		if _, err := settings([]string{entry}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s…", entry, err, want)
		}
	}
}

func TestTemplateGetsTheEnvironment(t *testing.T) {
	o, err := settings([]string{"ALLOWED_ORIGINS=https://a.example=b"})
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Environment["ALLOWED_ORIGINS"]; got != "https://a.example=b" {
		t.Errorf("got ALLOWED_ORIGINS %q, want https://a.example=b", got)
	}
}

// output calls ready when the run has printed that it is ready.
type output struct {
	bytes.Buffer
	ready context.CancelFunc
}

func (o *output) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("\nready\n")) {
		o.ready()
	}
	return o.Buffer.Write(b)
}

func TestRunPrintsAddressesUntilInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{ready: cancel}
	folder := t.TempDir()
	err := run(ctx, []string{"PORT=0", "MAIL_PORT=0", "DYNAMODB_PORT=0", "OPENID_PORT=0", "DATA_DIR=" + folder}, flags{}, out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"API     http://localhost:", "inbox   http://127.0.0.1:", "google  http://localhost:", "tables  http://127.0.0.1:", "data    " + folder} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got output\n%s\nwant %q in it", out.String(), want)
		}
	}
}

func TestRunInterruptedDuringItsStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := &output{ready: func() { t.Error("got ready, want an end before") }}
	if err := run(ctx, []string{"PORT=0", "MAIL_PORT=0", "DYNAMODB_PORT=0", "OPENID_PORT=0", "DATA_DIR=" + t.TempDir()}, flags{}, out); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
