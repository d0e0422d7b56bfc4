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
		t.Errorf("reading what is not there: %v", err)
	}
	for i, want := range []bool{true, false} {
		made, err := path.Client.Create(t.Context(), name, secret.New(fmt.Sprint("value ", i)))
		if err != nil || made != want {
			t.Errorf("making it for the %d. time: %v, %v", i+1, made, err)
		}
	}
	if got, err := path.Client.Read(t.Context(), name); err != nil || got.Reveal() != "value 0" {
		t.Errorf("read %q, %v", got.Reveal(), err)
	}
	if err := path.Client.Replace(t.Context(), name, secret.New("other")); err != nil {
		t.Error(err)
	}
	if got, err := path.Client.Read(t.Context(), name); err != nil || got.Reveal() != "other" {
		t.Errorf("read %q, %v", got.Reveal(), err)
	}
	for range 2 {
		if err := path.Client.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

// TestReadBelowReadsAllPages, of ten parameters each, and nothing beside the path.
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
		t.Errorf("%d parameters, %v", len(all), err)
	}
}

func TestOneOfManyMakesIt(t *testing.T) {
	path := ssmtest.Fresh(t)
	var makers atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			made, err := path.Client.Create(t.Context(), path.Name+"/one", secret.New(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
			}
			if made {
				makers.Add(1)
			}
		})
	}
	all.Wait()
	if makers.Load() != 1 {
		t.Errorf("%d have made it", makers.Load())
	}
}

// TestFaults: what passes is tried again, and a 503 if it does not; what does not pass is not, and is a fault of ours. No
// error tells a value.
func TestFaults(t *testing.T) {
	const good = `{"Parameter":{"Name":"n","Value":"v"}}`
	for name, test := range map[string]struct {
		answers []string // "status body"; the last is repeated
		calls   int
		want    string // in the error; empty for none
		away    bool   // it is a 503
	}{
		"throttled once":   {[]string{`400 {"__type":"ThrottlingException","message":"Rate exceeded"}`, "200 " + good}, 2, "", false},
		"down once":        {[]string{"500 {}", "200 " + good}, 2, "", false},
		"always throttled": {[]string{`400 {"__type":"ThrottlingException"}`}, 3, "ThrottlingException", true},
		"always down":      {[]string{"503 oh"}, 3, "status 503", true},
		"not allowed": {[]string{`400 {"__type":"AccessDeniedException","Message":"not authorized to perform"}`}, 1,
			"AccessDeniedException (status 400): not authorized", false},
		"a qualified type":          {[]string{`400 {"__type":"com.amazonaws.ssm#InternalServerError"}`}, 1, "InternalServerError (", false},
		"a message with the value":  {[]string{`400 {"__type":"ValidationException","message":"'SECRET' at 'value'"}`}, 1, "does not fit", false},
		"an answer that is no JSON": {[]string{"200 SECRET"}, 1, "cannot be read", false},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				answer := test.answers[min(calls, len(test.answers)-1)]
				calls++
				status := http.StatusOK
				body := answer
				if _, err := fmt.Sscanf(answer, "%d", &status); err == nil {
					_, body, _ = strings.Cut(answer, " ")
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			defer server.Close()
			value, err := ssmtest.Client(server.URL, nil).Read(t.Context(), "n")
			if calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
			if test.want == "" {
				if err != nil || value.Reveal() != "v" {
					t.Errorf("%q, %v", value.Reveal(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error is %v", err)
			}
			if errors.Is(err, fault.ServiceUnavailable) != test.away {
				t.Errorf("unavailable is %v", !test.away)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client := ssmtest.Client(server.URL, nil)
	if _, err := client.ReadBelow(t.Context(), "/x"); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Replace(ctx, "/x/y", secret.New("SECRET")); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error is %v", err)
	}
}

// TestTheCallIsSigned for the service and region, and says what it is.
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
		t.Errorf("the header is %v", header)
	}
}
