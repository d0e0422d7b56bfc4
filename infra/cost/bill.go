package main

import (
	"math"
	"time"

	"latchkey/infra/local/template"
)

// reading is what a request was measured to take, the mean of several.
type reading struct {
	storeCalls    float64
	readUnits     float64
	writeUnits    float64
	providerCalls float64
	mails         float64
	cpu           time.Duration // of the function
	logBytes      float64       // of the function's own lines
	answerBytes   float64       // of the body
}

// bill is what a million of such requests cost, in dollars.
type bill struct {
	billed   time.Duration // of one, on average
	gateway  float64
	lambda   float64
	store    float64
	logs     float64
	transfer float64
	mail     float64
}

func (b bill) total() float64 { return b.gateway + b.lambda + b.store + b.logs + b.transfer + b.mail }

const (
	million     = 1e6
	gigabyte    = 1e9    // as logs, traffic and tables are billed, or less
	oneCPU      = 1769.0 // MB of memory that come with one CPU
	memoryGB    = 1024.0 // MB, as Lambda bills memory
	millisecond = float64(time.Millisecond)
)

// invoice prices a request that runs function. A request by HTTP comes through the gateway, a mail by the stream, which is free.
func (p *prices) invoice(r reading, function template.Function, byHTTP bool) bill {
	took := p.duration(r, function.MemoryMB)
	second := p.AWS.X86.Price
	if function.Architecture == "arm64" {
		second = p.AWS.ARM.Price
	}
	b := bill{
		billed: took,
		lambda: p.AWS.Lambda.Price + million*took.Seconds()*float64(function.MemoryMB)/memoryGB*second,
		store:  r.writeUnits*p.AWS.Write.Price + r.readUnits*p.AWS.Read.Price,
		mail:   million / 1000 * r.mails * p.AWS.Mail.Price,
	}
	logged := r.logBytes + p.Assumed.PlatformLog
	if byHTTP {
		logged += p.Assumed.AccessLog
		b.gateway = p.AWS.HTTPAPI.Price
		b.transfer = million * (r.answerBytes + p.Assumed.Headers) / gigabyte * p.AWS.Transfer.Price
	}
	b.logs = million * logged / gigabyte * p.AWS.Logs.Price
	return b
}

// duration is the billed time of a request: its CPU time at the share of a CPU that comes with the memory, as if none of it fell
// into the time of waiting, then the calls, whole milliseconds (Lambda rounds up), and its part of the cold starts.
func (p *prices) duration(r reading, memoryMB int) time.Duration {
	share := min(1, float64(memoryMB)/oneCPU)
	warm := float64(r.cpu)/millisecond/share +
		r.storeCalls*p.Assumed.StoreCall + r.providerCalls*p.Assumed.ProviderCall + r.mails*p.Assumed.MailCall
	return time.Duration((math.Ceil(warm) + p.Assumed.ColdPercent/100*p.Assumed.Cold) * millisecond)
}

// month is what so many monthly users cost in a month, by the cost of a million of each row. Nothing is added for an idle stack.
func (p *prices) month(users float64, perMillion map[string]float64) float64 {
	stored := users * p.Usage.Stored / gigabyte
	dollars := stored * (p.AWS.Table.Price + p.AWS.Recovery.Price)
	for row, times := range p.Usage.Times {
		dollars += users * times * perMillion[row] / million
	}
	return dollars
}
