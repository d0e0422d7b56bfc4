// Package secret holds values that must never be printed: passwords, tokens, keys.
//
// A [String] formats, logs and marshals as a placeholder. The only way to its value is [String.Reveal], so a search for
// that name finds every place where a secret leaves the type. The type keeps values out of logs and error texts. It does
// not clear memory.
package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Placeholder replaces a secret in all output, whatever the verb, logger or encoder.
const Placeholder = "[redacted]"

// String is a secret string. The zero value is the empty secret.
type String struct{ value string }

// New returns value as a secret.
func New(value string) String { return String{value: value} }

// Reveal returns the value.
func (s String) Reveal() string { return s.value }

// IsZero reports whether the secret is empty.
func (s String) IsZero() bool { return s.value == "" }

// String implements [fmt.Stringer].
func (s String) String() string { return Placeholder }

// GoString implements [fmt.GoStringer].
func (s String) GoString() string { return Placeholder }

// Format implements [fmt.Formatter], so that no verb reaches the field.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Placeholder)) }

// LogValue implements [slog.LogValuer].
func (s String) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalJSON implements [json.Marshaler] with the placeholder. A response that must contain a secret calls Reveal.
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(Placeholder) }

// UnmarshalJSON implements [json.Unmarshaler], so a request field decodes directly into a secret. As with a Go string,
// null leaves the secret empty, and any other value that is not a JSON string is an error.
func (s *String) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &s.value) }
