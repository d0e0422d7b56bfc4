package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"

	"latchkey/pkg/token"
)

// localRateFactor makes room for a developer who tries things out: all requests come from one address.
const localRateFactor = "20"

// variables are the overrides for the template: the caller's, and where he has none, or an empty one, what only this stack knows.
func (s *Stack) variables(environment map[string]string) (map[string]string, error) {
	all := maps.Clone(environment)
	if all == nil {
		all = make(map[string]string)
	}
	if all["PUBLIC_URL"] == "" {
		all["PUBLIC_URL"] = s.URL
	}
	if all["DYNAMODB_ENDPOINT"] == "" {
		all["DYNAMODB_ENDPOINT"] = s.DynamoDBEndpoint
	}
	if all["SES_ENDPOINT"] == "" {
		all["SES_ENDPOINT"] = s.MailURL
	}
	maps.Copy(all, s.googleSettings()) // there are some only if the caller has none
	if all["RATE_LIMIT_FACTOR"] == "" {
		all["RATE_LIMIT_FACTOR"] = localRateFactor
	}
	if all["SIGNING_KEYS"] == "" && all["SSM_ENDPOINT"] == "" { // with Systems Manager the keys are there
		keys, err := signingKeys(s.folder.keys)
		if err != nil {
			return nil, err
		}
		all["SIGNING_KEYS"] = string(keys)
	}
	return all, nil
}

// signingKeys reads the private key set in file, or makes one and keeps it there for the next run. It has a key of each algorithm,
// so that SIGNING_ALGORITHM can be switched and tokens of before still verify.
func signingKeys(file string) ([]byte, error) {
	keys, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return keys, err
	}
	keys, err = token.GenerateKeySet(rand.Reader, "ES256", "RS256", "EdDSA")
	if err != nil {
		return nil, err
	}
	// Written aside and renamed: a run that is killed here must not leave half a key set, with which no other would start.
	unfinished := file + ".new"
	if err := os.WriteFile(unfinished, keys, 0o600); err != nil {
		return nil, fmt.Errorf("keeping the signing keys: %w", err)
	}
	if err := os.Rename(unfinished, file); err != nil {
		return nil, fmt.Errorf("keeping the signing keys: %w", err)
	}
	return keys, nil
}
