package main

import (
	"bytes"
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed prices.yaml
var pricesFile []byte

// price is a list price with its source and date.
type price struct {
	Price float64
	From  string
	AsOf  string `yaml:"as_of"`
}

// prices holds the contents of prices.yaml.
type prices struct {
	AWS struct {
		HTTPAPI  price `yaml:"http_api_million"`
		Lambda   price `yaml:"lambda_million"`
		X86      price `yaml:"lambda_gb_second_x86_64"`
		ARM      price `yaml:"lambda_gb_second_arm64"`
		Write    price `yaml:"write_million"`
		Read     price `yaml:"read_million"`
		Table    price `yaml:"table_gb_month"`
		Recovery price `yaml:"recovery_gb_month"`
		Logs     price `yaml:"logs_gb"`
		LogStore price `yaml:"log_storage_gb_month"`
		Transfer price `yaml:"transfer_gb"`
		Mail     price `yaml:"mail_thousand"`
	}
	Assumed  assumptions
	Pattern  pattern `yaml:"usage"`
	Services []service
}

// assumptions holds the quantities that are not measured.
type assumptions struct {
	StoreCall    float64 `yaml:"store_call_ms"`
	ProviderCall float64 `yaml:"provider_call_ms"`
	MailCall     float64 `yaml:"mail_call_ms"`
	ColdPercent  float64 `yaml:"cold_percent"`
	Cold         float64 `yaml:"cold_ms"`
	LogEvent     float64 `yaml:"log_event_bytes"`
	LogMonths    float64 `yaml:"log_months"`
	Headers      float64 `yaml:"header_bytes"`
}

// pattern describes a monthly user: the bytes stored, and the requests in a month by the name of their row.
type pattern struct {
	Stored float64 `yaml:"stored_bytes"`
	Times  map[string]float64
}

// readPrices reads the price file. It rejects unknown names.
func readPrices(text []byte) (*prices, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	p := &prices{}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("reading prices.yaml: %w", err)
	}
	return p, nil
}

// service is the price list of another service.
type service struct {
	Name    string
	Monthly float64
	Steps   []step
	From    string
	AsOf    string `yaml:"as_of"`
	Note    string
}

// step is the price of each user above the previous step, up to a number of users. To is 0 in a step without an end.
type step struct {
	To   float64
	Each float64
}

// monthlyPrice returns the list price for a number of monthly users. ok is false if the list ends before it.
func (s service) monthlyPrice(users float64) (dollars float64, ok bool) {
	dollars = s.Monthly
	counted := 0.0
	for _, step := range s.Steps {
		if step.To == 0 || users <= step.To {
			return dollars + (users-counted)*step.Each, true
		}
		dollars += (step.To - counted) * step.Each
		counted = step.To
	}
	return 0, false
}
