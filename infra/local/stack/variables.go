package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"

	"latchkey/pkg/token"
)

// localRateFactor raises the rate limits, because all requests of a developer come from one address.
const localRateFactor = "20"

// variables returns the overrides for the template: those of the caller, and the values of this stack for variables that the
// caller has not set or has set to "".
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
	maps.Copy(all, s.googleSettings()) // not empty only if the caller has set none of them
	if all["RATE_LIMIT_FACTOR"] == "" {
		all["RATE_LIMIT_FACTOR"] = localRateFactor
	}
	if all["SIGNING_KEYS"] == "" && all["SSM_ENDPOINT"] == "" { // Systems Manager has the keys otherwise
		keys, err := signingKeys(s.folder.keys)
		if err != nil {
			return nil, err
		}
		all["SIGNING_KEYS"] = string(keys)
	}
	return all, nil
}

// signingKeys returns the private key set in file. If there is none, it generates one and writes it for the next run. The set has a
// key of each algorithm, so tokens remain valid after a change of SIGNING_ALGORITHM.
func signingKeys(file string) ([]byte, error) {
	keys, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return keys, err
	}
	keys, err = token.GenerateKeySet(rand.Reader, "ES256", "RS256", "EdDSA")
	if err != nil {
		return nil, err
	}
	// The rename prevents an incomplete key set, with which no later run would start, if this run is killed here.
	temporary := file + ".new"
	if err := os.WriteFile(temporary, keys, 0o600); err != nil {
		return nil, fmt.Errorf("writing the signing keys: %w", err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return nil, fmt.Errorf("writing the signing keys: %w", err)
	}
	return keys, nil
}
