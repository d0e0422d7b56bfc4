// Package secret holds values that must never be printed: passwords, tokens, keys.
//
// A [String] formats, logs and marshals as a placeholder; the one way to its value is
// [String.Reveal], so that every place where a secret leaves the type can be found by grep.
// It keeps a value out of logs and error texts, nothing more: it does not clear memory.
package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Placeholder is what a secret prints as, whatever the verb, logger or encoder.
const Placeholder = "[redacted]"

// String is a secret text. The zero value is the empty secret.
type String struct{ value string }

// New wraps value.
func New(value string) String { return String{value: value} }

// Reveal returns the value itself.
func (s String) Reveal() string { return s.value }

// IsZero says whether the secret is empty.
func (s String) IsZero() bool { return s.value == "" }

// String implements [fmt.Stringer].
func (s String) String() string { return Placeholder }

// GoString implements [fmt.GoStringer].
func (s String) GoString() string { return Placeholder }

// Format implements [fmt.Formatter], so that no verb reaches the field.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Placeholder)) }

// LogValue implements [slog.LogValuer].
func (s String) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalJSON implements [json.Marshaler]. A response that is meant to carry a secret reveals it by name.
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(Placeholder) }

// UnmarshalJSON implements [json.Unmarshaler]: a request field decodes straight into a secret. As for a plain Go string,
// null leaves it empty and any other value that is no JSON string is an error.
func (s *String) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &s.value) }
