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

// The families of keys, by the folder of their parameters.
const (
	signing  = "signing"
	deriving = "deriving"
	revoked  = "revoked"
)

// record is a key with its dates.
type record struct {
	name   string // below the path, as in signing/0001
	number int
	key    []byte // a JWK
	what   token.Summary
	from   time.Time     // it is used from then on, until a later one is
	life   time.Duration // of the longest-lived thing that it can have made
}

// wireRecord is a record as its parameter holds it.
type wireRecord struct {
	Key         jsontext.Value `json:"key"`
	From        time.Time      `json:"from"`
	LifeSeconds int64          `json:"life_seconds"`
}

// wireRevocation is the parameter of a revoked key. It is kept as long as the key would have been.
type wireRevocation struct {
	Until time.Time `json:"until"`
}

// nameOf is the name of a family's key by its number.
func nameOf(family string, number int) string { return fmt.Sprintf("%s/%04d", family, number) }

// numberOf reads what nameOf writes, and nothing else.
func numberOf(name string) (family string, number int, ok bool) {
	family, digits, _ := strings.Cut(name, "/")
	number, err := strconv.Atoi(digits)
	known := family == signing || family == deriving
	return family, number, err == nil && known && number > 0 && nameOf(family, number) == name
}

func (r record) encode() (secret.String, error) {
	text, err := json.Marshal(wireRecord{Key: r.key, From: r.from, LifeSeconds: int64(r.life / time.Second)})
	return secret.New(string(text)), err
}

// decodeRecord reads a key's parameter. Its errors hold no part of the value.
func decodeRecord(name string, value secret.String) (record, error) {
	family, number, _ := numberOf(name)
	var wire wireRecord
	if json.Unmarshal([]byte(value.Reveal()), &wire) != nil {
		return record{}, errors.New("is no key with its dates")
	}
	what, err := token.Summarize(wire.Key)
	switch {
	case err != nil:
		return record{}, err
	case what.Symmetric != (family == deriving):
		return record{}, fmt.Errorf("holds a key of %s, which is none of this family", what.Algorithm)
	case wire.From.IsZero() || wire.LifeSeconds <= 0:
		return record{}, errors.New("has no dates")
	}
	return record{
		name: name, number: number, key: wire.Key, what: what, from: wire.From, life: time.Duration(wire.LifeSeconds) * time.Second,
	}, nil
}

func encodeRevocation(until time.Time) (secret.String, error) {
	text, err := json.Marshal(wireRevocation{Until: until})
	return secret.New(string(text)), err
}

func decodeRevocation(value secret.String) (until time.Time, err error) {
	var wire wireRevocation
	if json.Unmarshal([]byte(value.Reveal()), &wire) != nil || wire.Until.IsZero() {
		return time.Time{}, errors.New("is no revocation with its date")
	}
	return wire.Until, nil
}
