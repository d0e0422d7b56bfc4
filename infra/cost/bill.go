package main

import (
	"math"
	"time"

	"latchkey/infra/local/template"
)

// usage is what one request was measured to use.
type usage struct {
	storeCalls    float64
	roundTrips    float64 // for which the function waits; calls at the same time are one
	readUnits     float64
	writeUnits    float64
	providerCalls float64
	mails         float64
	cpu           time.Duration // of the function
	logLines      float64
	logBytes      float64 // of these lines, with the names and ids that they have in AWS
	bodyBytes     float64 // of the response
}

// bill is the price of a million requests, in dollars.
type bill struct {
	billed   time.Duration // of one request, on average
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
	gigabyte    = 1e9    // bytes; AWS bills logs, traffic and tables by this unit or a larger one
	oneCPU      = 1769.0 // MB of memory that include one CPU
	memoryGB    = 1024.0 // MB in a GB of memory that Lambda bills
	millisecond = float64(time.Millisecond)
)

// invoice calculates the price of a million requests to a function. HTTP requests pass through the gateway. Mails come from the
// stream, which is free.
func (p *prices) invoice(u usage, function template.Function, byHTTP bool) bill {
	billed := p.duration(u, function.MemoryMB)
	second := p.AWS.X86.Price
	if function.Architecture == "arm64" {
		second = p.AWS.ARM.Price
	}
	b := bill{
		billed: billed,
		lambda: p.AWS.Lambda.Price + million*billed.Seconds()*float64(function.MemoryMB)/memoryGB*second,
		store:  u.writeUnits*p.AWS.Write.Price + u.readUnits*p.AWS.Read.Price,
		mail:   million / 1000 * u.mails * p.AWS.Mail.Price,
	}
	if byHTTP {
		b.gateway = p.AWS.HTTPAPI.Price
		b.transfer = million * (u.bodyBytes + p.Assumed.Headers) / gigabyte * p.AWS.Transfer.Price
	}
	b.logs = p.logs(u)
	return b
}

// duration returns the billed time of a request: its CPU time at the share of a CPU that the memory includes, plus its round trips, rounded
// up to whole milliseconds as Lambda does, plus its part of the cold starts. It assumes that no computation overlaps with waiting.
func (p *prices) duration(u usage, memoryMB int) time.Duration {
	share := min(1, float64(memoryMB)/oneCPU)
	warm := float64(u.cpu)/millisecond/share +
		u.roundTrips*p.Assumed.StoreCall + u.providerCalls*p.Assumed.ProviderCall + u.mails*p.Assumed.MailCall
	return time.Duration((math.Ceil(warm) + p.Assumed.ColdPercent/100*p.Assumed.Cold) * millisecond)
}

// month returns the dollars per month for a number of monthly users, given the dollars per million requests of each row. An idle stack
// costs only its storage.
func (p *prices) month(users float64, perMillion map[string]float64) float64 {
	storedGB := users * p.Pattern.Stored / gigabyte
	dollars := storedGB * (p.AWS.Table.Price + p.AWS.Recovery.Price)
	for row, times := range p.Pattern.Times {
		dollars += users * times * perMillion[row] / million
	}
	return dollars
}
