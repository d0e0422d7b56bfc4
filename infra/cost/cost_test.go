package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/template"
	"latchkey/infra/report"
	"latchkey/infra/testkit/wiretap"
	"latchkey/infra/testkit/workload"
)

// listPrices returns the contents of prices.yaml.
func listPrices(t *testing.T) *prices {
	t.Helper()
	p, err := readPrices(pricesFile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestUsageNamesRows(t *testing.T) {
	for name := range listPrices(t).Pattern.Times {
		if name != workload.Mail && !slices.ContainsFunc(workload.Honest, func(r workload.Row) bool { return r.Name == name }) {
			t.Errorf("usage in prices.yaml: got %q, want the name of a row", name)
		}
	}
}

func TestEveryPriceHasASourceAndADate(t *testing.T) {
	p := listPrices(t)
	aws := reflect.ValueOf(p.AWS)
	for i := range aws.NumField() {
		if price := aws.Field(i).Interface().(price); price.Price <= 0 || price.From == "" || price.AsOf == "" {
			t.Errorf("%s: got %+v, want a price, a source and a date", aws.Type().Field(i).Name, price)
		}
	}
	for _, service := range p.Services {
		if service.From == "" || service.AsOf == "" || service.Note == "" || len(service.Steps) == 0 {
			t.Errorf("%s: got %+v, want steps, a source, a date and a note", service.Name, service)
		}
	}
}

func TestUnknownNamesAreRejected(t *testing.T) {
	const text = "aws: {lambda_milion: {price: 1}}"
	if _, err := readPrices([]byte(text)); err == nil {
		t.Errorf("reading %s: got no error, want one", text)
	}
}

func TestMonthlyPrice(t *testing.T) {
	stepped := service{Monthly: 25, Steps: []step{{To: 100, Each: 0}, {To: 1000, Each: 0.5}, {Each: 0.25}}}
	ending := service{Steps: []step{{To: 100, Each: 1}}}
	for name, test := range map[string]struct {
		service service
		users   float64
		dollars float64
		ok      bool
	}{
		"free users":            {stepped, 100, 25, true},
		"the first priced user": {stepped, 101, 25.5, true},
		"a complete step":       {stepped, 1000, 475, true},
		"the step without end":  {stepped, 3000, 975, true},
		"the end of the list":   {ending, 100, 100, true},
		"after the end":         {ending, 101, 0, false},
	} {
		if dollars, ok := test.service.monthlyPrice(test.users); dollars != test.dollars || ok != test.ok {
			t.Errorf("%s, %v users: got %v, %v; want %v, %v", name, test.users, dollars, ok, test.dollars, test.ok)
		}
	}
}

// roundPrices returns prices that are easy to calculate with.
func roundPrices() *prices {
	p := &prices{Assumed: assumptions{
		StoreCall: 5, ProviderCall: 100, MailCall: 50, ColdPercent: 1, Cold: 100, LogEvent: 100, LogMonths: 5, Headers: 500,
	}}
	p.AWS.HTTPAPI.Price, p.AWS.Lambda.Price = 1, 0.25
	p.AWS.X86.Price, p.AWS.ARM.Price = 0.00002, 0.00001
	p.AWS.Write.Price, p.AWS.Read.Price = 0.5, 0.125
	p.AWS.Logs.Price, p.AWS.LogStore.Price, p.AWS.Transfer.Price, p.AWS.Mail.Price = 0.4, 0.02, 0.1, 0.1
	p.AWS.Table.Price, p.AWS.Recovery.Price = 0.25, 0.25
	return p
}

func TestDuration(t *testing.T) {
	for name, test := range map[string]struct {
		usage    usage
		memoryMB int
		want     time.Duration
	}{
		"a whole CPU, rounded up": {usage{cpu: 20*time.Millisecond + 1}, 1769, 22 * time.Millisecond},
		"no more than one CPU":    {usage{cpu: 20 * time.Millisecond}, 3538, 21 * time.Millisecond},
		"half a CPU takes twice":  {usage{cpu: 10 * time.Millisecond}, 1769 / 2, 22 * time.Millisecond},
		"with round trips":        {usage{cpu: time.Millisecond, storeCalls: 4, roundTrips: 3}, 1769, 17 * time.Millisecond},
		"with provider and mail":  {usage{providerCalls: 2, mails: 1}, 1769, 251 * time.Millisecond},
	} {
		if got := roundPrices().duration(test.usage, test.memoryMB); got != test.want {
			t.Errorf("%s, %+v with %d MB: got %v, want %v", name, test.usage, test.memoryMB, got, test.want)
		}
	}
}

func TestInvoice(t *testing.T) {
	used := usage{
		storeCalls: 2, roundTrips: 1, readUnits: 2, writeUnits: 3, cpu: 4 * time.Millisecond, logLines: 2, logBytes: 1800, bodyBytes: 1500,
	}
	function := template.Function{MemoryMB: 1769, Architecture: "arm64"}
	want := bill{
		billed: 10 * time.Millisecond, gateway: 1, lambda: 0.25 + 1e6*0.010*1769/1024*0.00001, store: 1.75, logs: 1, transfer: 0.2,
	}
	got := roundPrices().invoice(used, function, true)
	if !near(got.total(), want.total()) || got.billed != want.billed || !near(got.lambda, want.lambda) {
		t.Errorf("HTTP request on arm64: got %+v, want %+v", got, want)
	}
	used.mails, function.Architecture = 1, "x86_64"
	want = bill{billed: 60 * time.Millisecond, lambda: 0.25 + 1e6*0.060*1769/1024*0.00002, store: 1.75, logs: 1, mail: 100}
	got = roundPrices().invoice(used, function, false)
	if !near(got.total(), want.total()) || got.billed != want.billed || got.mail != want.mail {
		t.Errorf("mail on x86_64: got %+v, want %+v", got, want)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestMonth(t *testing.T) {
	p := roundPrices()
	p.Pattern = pattern{Stored: 1000, Times: map[string]float64{"login": 2, "me": 50}}
	if got, want := p.month(1e6, map[string]float64{"login": 5, "me": 2, "health": 7}), 0.5+10+100; !near(got, want) {
		t.Errorf("a month of a million users: got %v dollars, want %v", got, want)
	}
}

func TestRefusedWritesAreCounted(t *testing.T) {
	calls := []wiretap.Call{{Operation: "GetItem", Read: 1}, {Operation: "UpdateItem", Refused: true}, {Operation: "DeleteItem", Write: 1}}
	if got, want := sum(calls), (usage{storeCalls: 3, readUnits: 1, writeUnits: 2}); got != want {
		t.Errorf("sum of %+v: got %+v, want %+v", calls, got, want)
	}
}

// TestReadsOfStartingProcessesAreNotCounted checks that such a read during one of several requests has no effect.
func TestReadsOfStartingProcessesAreNotCounted(t *testing.T) {
	usual := sum([]wiretap.Call{{Operation: "GetItem", Read: 1}, {Operation: "PutItem", Write: 2}})
	disturbed := sum([]wiretap.Call{{Operation: "GetItem", Read: 0.5}, {Operation: "GetItem", Read: 1}, {Operation: "PutItem", Write: 2}})
	want := usage{storeCalls: 2, readUnits: 1, writeUnits: 2}
	if got := medians([]usage{disturbed, usual, usual}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestRun measures each row once. It checks that every response has the status of its row, that every row has a price, that the
// log of every row is within its bar, and that the plot can be drawn from the output.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), effort{few: 300, many: 500, fewSamples: 1, manySamples: 1}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	requests, _, _ := strings.Cut(out.String(), monthsTitle)
	for _, r := range slices.Concat(workload.Honest, workload.Hostile, workload.Floods, []workload.Row{mailRow}) {
		cells, found := report.Row(requests, r.Name)
		var memory, calls, trips, reads, writes, cpu float64
		_, err := fmt.Sscan(strings.Join(cells, " "), &memory, &calls, &trips, &reads, &writes, &cpu)
		if !found || err != nil || memory < 128 || cpu == 0 || trips > calls {
			t.Errorf("%s: got the line %q, %v; want memory, calls, round trips, units and CPU time", r.Name, cells, err)
		}
	}
	if verdict, found := verdictOf(out.String(), logsGoal); !found || verdict != report.Met {
		t.Errorf("%s: got the verdict %q, want %s: the line of a request is too long\n%s", logsGoal, verdict, report.Met, requests)
	}
	if _, err := drawMonths(out.String()); err != nil {
		t.Errorf("drawing the output: %v\n%s", err, out.String())
	}
	if testing.Verbose() {
		t.Log(out.String())
	}
}

// verdictOf returns the last cell of the goal with a name that begins with a text.
func verdictOf(output, goal string) (string, bool) {
	for line := range strings.Lines(output) {
		if cells := strings.Fields(line); strings.HasPrefix(line, goal) {
			return cells[len(cells)-1], true
		}
	}
	return "", false
}
