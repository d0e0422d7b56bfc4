package keyring

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/secret"
	"latchkey/pkg/token"
)

// The families of keys, and the folder of revocations.
const (
	signing  = "signing"
	deriving = "deriving"
	revoked  = "revoked"
)

// record is a key with its dates.
type record struct {
	name    string // below the path, for example signing/0001
	number  int
	key     []byte // a JWK
	summary token.Summary
	from    time.Time     // start of its use, which lasts until the `from` of a later key
	life    time.Duration // of the longest-lived token of the key
}

// wireRecord is the parameter of a key.
type wireRecord struct {
	Key         jsontext.Value `json:"key"`
	From        time.Time      `json:"from"`
	LifeSeconds int64          `json:"life_seconds"`
}

// wireRevocation is the parameter of a revoked key. It is kept as long as the key would have been.
type wireRevocation struct {
	Until time.Time `json:"until"`
}

// nameOf returns the name of the key of a family with that number.
func nameOf(family string, number int) string { return fmt.Sprintf("%s/%04d", family, number) }

// numberOf parses the output of nameOf, and nothing else.
func numberOf(name string) (family string, number int, ok bool) {
	family, digits, _ := strings.Cut(name, "/")
	number, err := strconv.Atoi(digits)
	exists := family == signing || family == deriving
	return family, number, err == nil && exists && number > 0 && nameOf(family, number) == name
}

func (r record) encode() (secret.String, error) {
	text, err := json.Marshal(wireRecord{Key: r.key, From: r.from, LifeSeconds: int64(r.life / time.Second)})
	return secret.New(string(text)), err
}

// decodeRecord reads the parameter of a key. Its errors contain no part of the value.
func decodeRecord(name string, value secret.String) (record, error) {
	family, number, _ := numberOf(name)
	var wire wireRecord
	if json.Unmarshal([]byte(value.Reveal()), &wire) != nil {
		return record{}, errors.New("is not a key with its dates")
	}
	summary, err := token.Summarize(wire.Key)
	switch {
	case err != nil:
		return record{}, err
	case summary.Symmetric != (family == deriving):
		return record{}, fmt.Errorf("contains a key of %s, which does not belong to this family", summary.Algorithm)
	case wire.From.IsZero() || wire.LifeSeconds <= 0:
		return record{}, errors.New("has no dates")
	}
	return record{
		name: name, number: number, key: wire.Key, summary: summary, from: wire.From,
		life: time.Duration(wire.LifeSeconds) * time.Second,
	}, nil
}

func encodeRevocation(until time.Time) (secret.String, error) {
	text, err := json.Marshal(wireRevocation{Until: until})
	return secret.New(string(text)), err
}

func decodeRevocation(value secret.String) (until time.Time, err error) {
	var wire wireRevocation
	if json.Unmarshal([]byte(value.Reveal()), &wire) != nil || wire.Until.IsZero() {
		return time.Time{}, errors.New("is not a revocation with its date")
	}
	return wire.Until, nil
}
