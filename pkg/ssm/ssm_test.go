package ssm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/ssm"
)

func TestParameters(t *testing.T) {
	path := ssmtest.Fresh(t)
	name := path.Name + "/a/b"
	if _, err := path.Client.Read(t.Context(), name); !errors.Is(err, ssm.ErrNotFound) {
		t.Errorf("Read of a missing parameter returned the error %v, want ErrNotFound", err)
	}
	for i, want := range []bool{true, false} {
		created, err := path.Client.Create(t.Context(), name, secret.New(fmt.Sprint("value ", i)))
		if err != nil || created != want {
			t.Errorf("call %d of Create = %v, %v; want %v", i+1, created, err, want)
		}
	}
	if got, err := path.Client.Read(t.Context(), name); err != nil || got.Reveal() != "value 0" {
		t.Errorf("Read = %q, %v; want %q", got.Reveal(), err, "value 0")
	}
	if err := path.Client.Replace(t.Context(), name, secret.New("other")); err != nil {
		t.Error(err)
	}
	if got, err := path.Client.Read(t.Context(), name); err != nil || got.Reveal() != "other" {
		t.Errorf("Read after Replace = %q, %v; want %q", got.Reveal(), err, "other")
	}
	for range 2 {
		if err := path.Client.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

// TestReadBelowReadsAllPages creates three pages below the path, and a parameter next to it.
func TestReadBelowReadsAllPages(t *testing.T) {
	path := ssmtest.Fresh(t)
	for i := range 25 {
		if _, err := path.Client.Create(t.Context(), fmt.Sprintf("%s/x/%d", path.Name, i), secret.New(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := path.Client.Create(t.Context(), path.Name+"-beside/1", secret.New("no")); err != nil {
		t.Fatal(err)
	}
	all, err := path.Client.ReadBelow(t.Context(), path.Name)
	if err != nil || len(all) != 25 || all[path.Name+"/x/24"].Reveal() != "24" {
		t.Errorf("ReadBelow returned %d parameters, error %v; want 25 with their values", len(all), err)
	}
}

func TestOfManyCallersOneCreates(t *testing.T) {
	path := ssmtest.Fresh(t)
	var creators atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			created, err := path.Client.Create(t.Context(), path.Name+"/one", secret.New(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
			}
			if created {
				creators.Add(1)
			}
		})
	}
	all.Wait()
	if creators.Load() != 1 {
		t.Errorf("%d of 16 callers created the parameter, want 1", creators.Load())
	}
}

// TestFaults shows that a transient fault is retried and is a 503 if it persists, and that a permanent fault is not retried and
// stays internal. No error contains a value.
func TestFaults(t *testing.T) {
	const good = `{"Parameter":{"Name":"n","Value":"v"}}`
	for name, test := range map[string]struct {
		responses   []string // "status body"; the last one is repeated
		calls       int
		want        string // part of the error; empty for none
		unavailable bool
	}{
		"throttled once":   {[]string{`400 {"__type":"ThrottlingException","message":"Rate exceeded"}`, "200 " + good}, 2, "", false},
		"down once":        {[]string{"500 {}", "200 " + good}, 2, "", false},
		"always throttled": {[]string{`400 {"__type":"ThrottlingException"}`}, 3, "ThrottlingException", true},
		"always down":      {[]string{"503 no JSON"}, 3, "status 503", true},
		"not allowed": {[]string{`400 {"__type":"AccessDeniedException","Message":"not authorized to perform"}`}, 1,
			"AccessDeniedException (status 400): not authorized", false},
		"a qualified type":         {[]string{`400 {"__type":"com.amazonaws.ssm#InternalServerError"}`}, 1, "InternalServerError (", false},
		"a message with the value": {[]string{`400 {"__type":"ValidationException","message":"'SECRET' at 'value'"}`}, 1, "is invalid", false},
		"a response without JSON":  {[]string{"200 SECRET"}, 1, "cannot be decoded", false},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				response := test.responses[min(calls, len(test.responses)-1)]
				calls++
				status := http.StatusOK
				body := response
				if _, err := fmt.Sscanf(response, "%d", &status); err == nil {
					_, body, _ = strings.Cut(response, " ")
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			defer server.Close()
			value, err := ssmtest.Client(server.URL, nil).Read(t.Context(), "n")
			if calls != test.calls {
				t.Errorf("got %d calls, want %d", calls, test.calls)
			}
			if test.want == "" {
				if err != nil || value.Reveal() != "v" {
					t.Errorf("Read = %q, %v; want %q", value.Reveal(), err, "v")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("Read returned the error %v, want %q in it and no value", err, test.want)
			}
			if got := errors.Is(err, fault.ServiceUnavailable); got != test.unavailable {
				t.Errorf("the error %v is ServiceUnavailable: %v, want %v", err, got, test.unavailable)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client := ssmtest.Client(server.URL, nil)
	if _, err := client.ReadBelow(t.Context(), "/x"); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("ReadBelow returned the error %v, want ServiceUnavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Replace(ctx, "/x/y", secret.New("SECRET")); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("Replace with an ended context returned the error %v, want one without the value", err)
	}
}

// TestTheCallIsSigned checks the signature for service and region, and the headers that name the call.
func TestTheCallIsSigned(t *testing.T) {
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		_, _ = io.WriteString(w, `{"Parameter":{}}`)
	}))
	defer server.Close()
	if _, err := ssmtest.Client(server.URL, nil).Read(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	if header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || header.Get("Content-Type") != "application/x-amz-json-1.1" ||
		!strings.Contains(header.Get("Authorization"), "/us-east-1/ssm/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-target") {
		t.Errorf("got the headers %v, want a signature for us-east-1 and ssm, the target GetParameter and the JSON type", header)
	}
}
