package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
)

// maxSeconds limits lifetimes to ten years, so that arithmetic on times cannot overflow.
const maxSeconds = 10 * 365 * 24 * 3600

// reader reads variables and collects their faults.
type reader struct {
	getenv func(string) string
	faults []error
}

func (r *reader) check(name string, err error) {
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", name, err))
	}
}

func (r *reader) text(name, preset string) string {
	if value := r.getenv(name); value != "" {
		return value
	}
	return preset
}

func (r *reader) required(name string) string {
	value := r.getenv(name)
	if value == "" {
		r.check(name, errors.New("is required"))
	}
	return value
}

func (r *reader) secret(name string) secret.String { return secret.New(r.getenv(name)) }

// list reads values that are separated by commas without spaces, because the template splits the same text for CORS.
func (r *reader) list(name string) []string {
	value := r.getenv(name)
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}

func (r *reader) integer(name string, preset, least, most int) int {
	value := r.getenv(name)
	if value == "" {
		return preset
	}
	parsed, err := strconv.Atoi(value)
	if err != nil || parsed < least || parsed > most {
		r.check(name, fmt.Errorf("%q is not a whole number from %d to %d", value, least, most))
	}
	return parsed
}

func (r *reader) seconds(name string, preset, least int) time.Duration {
	return r.secondsWithin(name, preset, least, maxSeconds)
}

func (r *reader) secondsWithin(name string, preset, least, most int) time.Duration {
	return time.Duration(r.integer(name, preset, least, most)) * time.Second
}

func (r *reader) days(name string, preset, least int) time.Duration {
	const most = maxSeconds / (24 * 3600)
	return time.Duration(r.integer(name, preset, least, most)) * 24 * time.Hour
}

// maxRate and maxFactor limit their product, so that a counter cannot overflow.
const (
	maxRate   = 1_000_000
	maxFactor = 1_000
)

// rates reads three rates that are separated by slashes.
func (r *reader) rates(name string, preset limit.Rates) limit.Rates {
	value := r.getenv(name)
	if value == "" {
		return preset
	}
	var numbers [3]int
	parts := strings.Split(value, "/")
	valid := len(parts) == len(numbers)
	for i := 0; valid && i < len(numbers); i++ {
		rate, err := strconv.Atoi(parts[i])
		numbers[i], valid = rate, err == nil && rate >= 1 && rate <= maxRate
	}
	if !valid {
		r.check(name, fmt.Errorf("%q is not three whole numbers from 1 to %d, for example 5/20/100", value, maxRate))
		return preset
	}
	return limit.Rates{Anonymous: numbers[0], User: numbers[1], Staff: numbers[2]}
}

// oneOf reads one of the given values. The first is the default.
func (r *reader) oneOf(name string, values ...string) string {
	value := r.text(name, values[0])
	if !slices.Contains(values, value) {
		r.check(name, fmt.Errorf("%q is none of %s", value, strings.Join(values, ", ")))
	}
	return value
}

func (r *reader) level(name string) slog.Level {
	value := r.oneOf(name, "INFO", "DEBUG", "WARN", "ERROR")
	var level slog.Level
	_ = level.UnmarshalText([]byte(value)) // oneOf has reported an invalid value
	return level
}
