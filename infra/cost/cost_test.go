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
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/contract"
)

func listed(t *testing.T) *prices {
	t.Helper()
	read, err := readPrices(pricesFile)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// TestEveryEndpointHasARow: what is added to the API is added to the table.
func TestEveryEndpointHasARow(t *testing.T) {
	for _, route := range contract.Endpoints {
		if !slices.ContainsFunc(honest, func(r row) bool { return slices.Contains(r.routes, route) }) {
			t.Errorf("no row is about %s", route.Key())
		}
	}
}

func TestUsageNamesRows(t *testing.T) {
	for name := range listed(t).Usage.Times {
		if name != mail && !slices.ContainsFunc(honest, func(r row) bool { return r.name == name }) {
			t.Errorf("there is no row %q", name)
		}
	}
}

func TestEveryPriceSaysWhereItIsFrom(t *testing.T) {
	read := listed(t)
	all := reflect.ValueOf(read.AWS)
	for i := range all.NumField() {
		if price := all.Field(i).Interface().(price); price.Price <= 0 || price.From == "" || price.AsOf == "" {
			t.Errorf("%s is %+v", all.Type().Field(i).Name, price)
		}
	}
	for _, service := range read.Services {
		if service.From == "" || service.AsOf == "" || service.Note == "" || len(service.Steps) == 0 {
			t.Errorf("the service is %+v", service)
		}
	}
}

func TestPricesRefuseUnknownNames(t *testing.T) {
	if _, err := readPrices([]byte("aws: {lambda_milion: {price: 1}}")); err == nil {
		t.Error("a name that is misspelt is passed over")
	}
}

func TestMonthlyPrice(t *testing.T) {
	stepped := service{Monthly: 25, Steps: []step{{To: 100, Each: 0}, {To: 1000, Each: 0.5}, {Each: 0.25}}}
	ending := service{Steps: []step{{To: 100, Each: 1}}}
	for shows, c := range map[string]struct {
		service service
		users   float64
		dollars float64
		ok      bool
	}{
		"within what is free": {stepped, 100, 25, true},
		"the first that pays": {stepped, 101, 25.5, true},
		"all of a step":       {stepped, 1000, 475, true},
		"beyond all steps":    {stepped, 3000, 975, true},
		"the end of a list":   {ending, 100, 100, true},
		"behind a list's end": {ending, 101, 0, false},
	} {
		if dollars, ok := c.service.monthlyPrice(c.users); dollars != c.dollars || ok != c.ok {
			t.Errorf("%s: %v, %v", shows, dollars, ok)
		}
	}
}

// priced is a list of round prices.
func priced() *prices {
	p := &prices{Assumed: assumptions{
		StoreCall: 5, ProviderCall: 100, MailCall: 50, ColdPercent: 1, Cold: 100, PlatformLog: 600, AccessLog: 300, Headers: 500,
	}}
	p.AWS.HTTPAPI.Price, p.AWS.Lambda.Price = 1, 0.25
	p.AWS.X86.Price, p.AWS.ARM.Price = 0.00002, 0.00001
	p.AWS.Write.Price, p.AWS.Read.Price = 0.5, 0.125
	p.AWS.Logs.Price, p.AWS.Transfer.Price, p.AWS.Mail.Price = 0.5, 0.1, 0.1
	p.AWS.Table.Price, p.AWS.Recovery.Price = 0.25, 0.25
	return p
}

func TestDuration(t *testing.T) {
	for shows, c := range map[string]struct {
		took     reading
		memoryMB int
		want     time.Duration
	}{
		"a whole CPU, rounded up":    {reading{cpu: 20*time.Millisecond + 1}, 1769, 22 * time.Millisecond},
		"no more than one CPU":       {reading{cpu: 20 * time.Millisecond}, 3538, 21 * time.Millisecond},
		"half a CPU takes twice":     {reading{cpu: 10 * time.Millisecond}, 1769 / 2, 22 * time.Millisecond},
		"calls are waited for":       {reading{cpu: time.Millisecond, storeCalls: 3}, 1769, 17 * time.Millisecond},
		"providers and mail as well": {reading{providerCalls: 2, mails: 1}, 1769, 251 * time.Millisecond},
	} {
		if got := priced().duration(c.took, c.memoryMB); got != c.want {
			t.Errorf("%s: %v, want %v", shows, got, c.want)
		}
	}
}

func TestInvoice(t *testing.T) {
	took := reading{
		storeCalls: 1, readUnits: 2, writeUnits: 3, cpu: 4 * time.Millisecond, logBytes: 1100, answerBytes: 1500, mails: 0,
	}
	arm := template.Function{MemoryMB: 1769, Architecture: "arm64"}
	want := bill{
		billed: 10 * time.Millisecond, gateway: 1, lambda: 0.25 + 1e6*0.010*1769/1024*0.00001, store: 1.75, logs: 1, transfer: 0.2,
	}
	if got := priced().invoice(took, arm, true); !near(got.total(), want.total()) || got.billed != want.billed || !near(got.lambda, want.lambda) {
		t.Errorf("by HTTP on arm64: %+v, want %+v", got, want)
	}
	took.mails, arm.Architecture = 1, "x86_64"
	want = bill{billed: 60 * time.Millisecond, lambda: 0.25 + 1e6*0.060*1769/1024*0.00002, store: 1.75, logs: 0.85, mail: 100}
	if got := priced().invoice(took, arm, false); !near(got.total(), want.total()) || got.billed != want.billed || got.mail != want.mail {
		t.Errorf("by the stream on x86_64: %+v, want %+v", got, want)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestMonth(t *testing.T) {
	p := priced()
	p.Usage = usage{Stored: 1000, Times: map[string]float64{"login": 2, "me": 50}}
	if got, want := p.month(1e6, map[string]float64{"login": 5, "me": 2, "health": 7}), 0.5+10+100; !near(got, want) {
		t.Errorf("a month costs %v, want %v", got, want)
	}
}

func TestARefusedWriteIsCounted(t *testing.T) {
	calls := []wiretap.Call{{Operation: "GetItem", Read: 1}, {Operation: "UpdateItem", Refused: true}, {Operation: "DeleteItem", Write: 1}}
	if got, want := sum(calls), (reading{storeCalls: 3, readUnits: 1, writeUnits: 2}); got != want {
		t.Errorf("the calls took %+v, want %+v", got, want)
	}
}

// TestAStartIsNoRequest: a read by a function that was started in between is not counted.
func TestAStartIsNoRequest(t *testing.T) {
	usual := sum([]wiretap.Call{{Operation: "GetItem", Read: 1}, {Operation: "PutItem", Write: 2}})
	disturbed := sum([]wiretap.Call{{Operation: "GetItem", Read: 0.5}, {Operation: "GetItem", Read: 1}, {Operation: "PutItem", Write: 2}})
	want := reading{storeCalls: 2, readUnits: 1, writeUnits: 2}
	if got := typical([]reading{disturbed, usual, usual}); got != want {
		t.Errorf("a request takes %+v, want %+v", got, want)
	}
}

// TestRun measures the product itself, each row once: every request is answered as its row says, and nothing costs nothing.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), 1, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	requests, months, _ := strings.Cut(out.String(), "US dollars a month")
	for _, r := range slices.Concat(honest, hostile, floods, []row{{name: mail}}) {
		line, found := lineOf(requests, r.name)
		var memory, calls, reads, writes, cpu float64
		if _, err := fmt.Sscan(line, &memory, &calls, &reads, &writes, &cpu); !found || err != nil || memory < 128 || cpu == 0 {
			t.Errorf("%s: the line is %q", r.name, line)
		}
	}
	if line, found := lineOf(months, "Latchkey"); !found || len(strings.Fields(line)) != len(userCounts) {
		t.Errorf("the months are %q", months)
	}
}

// lineOf returns what is behind name in the line that begins with it.
func lineOf(table, name string) (string, bool) {
	for line := range strings.Lines(table) {
		if rest, is := strings.CutPrefix(strings.TrimLeft(line, " "), name+"  "); is {
			return rest, true
		}
	}
	return "", false
}
