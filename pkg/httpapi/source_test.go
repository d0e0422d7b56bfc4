package httpapi

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/pkg/secret"
)

const (
	firstKey  = "a-first-client-key-for-these-tests"
	secondKey = "A-Second-Client-Key-For-These-Tests"
)

func clientKeys(t *testing.T, list string) ClientKeys {
	t.Helper()
	keys, err := ParseClientKeys(secret.New(list))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestSources checks which address a request counts for. All requests come from 192.0.2.1.
func TestSources(t *testing.T) {
	const own, client = "192.0.2.1", "203.0.113.7"
	first, both := clientKeys(t, firstKey), clientKeys(t, firstKey+","+secondKey)
	trust := func(keys ClientKeys) Sources { return NewSources(func(context.Context) ClientKeys { return keys }) }
	tests := map[string]struct {
		sources Sources
		headers []string
		want    string
	}{
		"no header":                     {trust(both), nil, own},
		"the key":                       {trust(first), []string{"Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Address: " + client}, client},
		"the first of two keys":         {trust(both), []string{"Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Address: " + client}, client},
		"the second of two keys":        {trust(both), []string{"Latchkey-Client-Key: " + secondKey, "Latchkey-Client-Address: " + client}, client},
		"a key that is no longer valid": {trust(first), []string{"Latchkey-Client-Key: " + secondKey, "Latchkey-Client-Address: " + client}, own},
		"no key":                        {trust(both), []string{"Latchkey-Client-Address: " + client}, own},
		"an empty key":                  {trust(both), []string{"Latchkey-Client-Key: ", "Latchkey-Client-Address: " + client}, own},
		"an empty key, without keys":    {trust(ClientKeys{}), []string{"Latchkey-Client-Key: ", "Latchkey-Client-Address: " + client}, own},
		"the key in another case":       {trust(both), []string{"Latchkey-Client-Key: " + strings.ToUpper(firstKey), "Latchkey-Client-Address: " + client}, own},
		"the beginning of the key":      {trust(both), []string{"Latchkey-Client-Key: " + firstKey[:32], "Latchkey-Client-Address: " + client}, own},
		"more than the key":             {trust(both), []string{"Latchkey-Client-Key: " + firstKey + "x", "Latchkey-Client-Address: " + client}, own},
		"both keys":                     {trust(both), []string{"Latchkey-Client-Key: " + firstKey + "," + secondKey, "Latchkey-Client-Address: " + client}, own},
		"the key twice":                 {trust(both), []string{"Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Address: " + client}, own},
		"the key, joined":               {trust(both), []string{"Latchkey-Client-Key: " + firstKey + "," + firstKey, "Latchkey-Client-Address: " + client}, own},
		"the key without an address":    {trust(both), []string{"Latchkey-Client-Key: " + firstKey}, own},
		"off":                           {Sources{}, []string{"Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Address: " + client}, own},
		"off, with an empty key":        {Sources{}, []string{"Latchkey-Client-Key: ", "Latchkey-Client-Address: " + client}, own},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := sourceOf(test.sources, test.headers...); got != test.want {
				t.Errorf("%q: got the source %q, want %q", test.headers, got, test.want)
			}
		})
	}
}

// TestClientAddresses checks the forms of an address that a trusted proxy passes on.
func TestClientAddresses(t *testing.T) {
	const own = "192.0.2.1"
	keys := clientKeys(t, firstKey)
	sources := NewSources(func(context.Context) ClientKeys { return keys })
	for address, want := range map[string]string{
		"203.0.113.7":                          "203.0.113.7",
		"10.0.0.1":                             "10.0.0.1", // a proxy for clients in a private network
		"::ffff:203.0.113.7":                   "203.0.113.7",
		"2001:db8:1:2:3:4:5:6":                 "2001:db8:1:2::/64",
		"2001:DB8:1:2::":                       "2001:db8:1:2::/64",
		"":                                     own,
		"unknown":                              own,
		"client.example.com":                   own,
		"203.0.113.7:443":                      own,
		"[2001:db8::1]":                        own,
		"[2001:db8::1]:443":                    own,
		"fe80::1%eth0":                         own,
		"::ffff:203.0.113.7%eth0":              own,
		"203.0.113.007":                        own,
		"203.0.113":                            own,
		"3405803783":                           own,
		"203.0.113.7 ":                         own,
		"203.0.113.0/24":                       own,
		"203.0.113.7,203.0.113.8":              own,
		"203.0.113.7, 192.0.2.1":               own,
		"203.0.113.7,203.0.113.7":              own,
		"203.0.113.7, 198.51.100.1, 192.0.2.1": own,
	} {
		if got := sourceOf(sources, "Latchkey-Client-Key: "+firstKey, "Latchkey-Client-Address: "+address); got != want {
			t.Errorf("%q: got the source %q, want %q", address, got, want)
		}
	}
	twice := []string{"Latchkey-Client-Key: " + firstKey, "Latchkey-Client-Address: 203.0.113.7", "Latchkey-Client-Address: 203.0.113.7"}
	if got := sourceOf(sources, twice...); got != own {
		t.Errorf("%q: got the source %q, want %q", twice, got, own)
	}
}

// TestKeysAreUsedOnlyForAClientAddress checks that other requests never cause the keys to be read.
func TestKeysAreUsedOnlyForAClientAddress(t *testing.T) {
	calls := 0
	sources := NewSources(func(context.Context) ClientKeys {
		calls++
		return ClientKeys{}
	})
	for _, headers := range [][]string{nil, {"Latchkey-Client-Address: 203.0.113.7"}, {"Latchkey-Client-Key: x"},
		{"Latchkey-Client-Key: x", "Latchkey-Client-Address: unknown"}} {
		if sourceOf(sources, headers...); calls != 0 {
			t.Fatalf("%q: got %d uses of the keys, want 0", headers, calls)
		}
	}
	if sourceOf(sources, "Latchkey-Client-Key: x", "Latchkey-Client-Address: 203.0.113.7"); calls != 1 {
		t.Errorf("with both headers: got %d uses of the keys, want 1", calls)
	}
}

// sourceOf returns the source of a request from 192.0.2.1.
func sourceOf(sources Sources, headers ...string) string {
	request := httptest.NewRequest("POST", "/", nil)
	request.RemoteAddr = "192.0.2.1"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	return sources.of(request)
}

func TestParseClientKeys(t *testing.T) {
	const long, shortest = "0123456789abcdef0123456789abcdefX", "0123456789abcdef0123456789abcdef"
	tests := map[string]struct{ list, want string }{
		"one key":               {long, ""},
		"the shortest key":      {shortest, ""},
		"two keys":              {long + "," + shortest, ""},
		"nothing":               {"", "key 1 of 1: has 0 characters, want at least 32"},
		"a short key":           {shortest[1:], "key 1 of 1: has 31 characters, want at least 32"},
		"a short second key":    {long + "," + shortest[1:], "key 2 of 2: has 31 characters, want at least 32"},
		"an empty second key":   {long + ",", "key 2 of 2: has 0 characters, want at least 32"},
		"three keys":            {long + "," + long + "," + long, "got 3 keys separated by commas, want at most 2"},
		"a space after a comma": {long + ", " + shortest, "key 2 of 2: contains a space"},
		"a line break":          {long + "\n", "key 1 of 1: contains a space, a line break"},
		"another alphabet":      {long + "é", "key 1 of 1: contains"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseClientKeys(secret.New(test.list))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q: got the error %v, want %q", test.list, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), long[:8]) {
				t.Errorf("%q: got the error %v, want one without a part of a key", test.list, err)
			}
		})
	}
}
