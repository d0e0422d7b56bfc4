// Package roles compares the roles of the functions with the calls that the functions make. A role must allow every call of its
// function, and a call must need every grant of a role.
//
// It reads the DynamoDB statements of the template's functions. The calls are recorded by a run of the end-to-end tests. It does
// not evaluate IAM policies in general: it supports the one form of statement that the template uses and refuses all others.
package roles

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"latchkey/infra/testkit/wiretap"
)

// Grant is one action that a function's role allows on the partition keys of a table.
type Grant struct {
	Function string // logical id
	Action   string // such as "PutItem"
	Table    string // logical id
	Keys     string // a partition key, or the beginning of one and "*"
}

func (g Grant) String() string {
	return fmt.Sprintf("%s: %s on %s %s", g.Function, g.Action, g.Table, g.Keys)
}

// warmUpKey is the key that every function with a store reads at its start (pkg/dynamo). Reading it does not show that a role needs
// access to accounts.
const warmUpKey = "U#health"

// allows reports whether the grant allows the use.
func (g Grant) allows(use wiretap.Use) bool {
	prefix, isPrefix := strings.CutSuffix(g.Keys, "*")
	matches := use.Key == g.Keys || isPrefix && strings.HasPrefix(use.Key, prefix)
	return g.Function == use.Function && g.Action == use.Action && g.Table == use.Table && matches
}

// neededBy reports whether the use, which the grant allows, shows that the function needs the grant.
func (g Grant) neededBy(use wiretap.Use) bool { return g.Keys == use.Key || use.Key != warmUpKey }

// Refused returns a sentence for each use that no grant allows. It ignores uses by callers that are not functions of the template.
func Refused(grants []Grant, uses []wiretap.Use) []string {
	functions := map[string]bool{}
	for _, grant := range grants {
		functions[grant.Function] = true
	}
	refused := map[string]bool{}
	for _, use := range uses {
		if functions[use.Function] && narrowest(grants, use) < 0 {
			refused[fmt.Sprintf("%s calls %s on %s %s, which its role does not allow", use.Function, use.Action, use.Table, kind(use.Key))] = true
		}
	}
	return slices.Sorted(maps.Keys(refused))
}

// Unused returns a sentence for each grant that no use needs. If two grants allow a use, only the narrower one counts as needed.
func Unused(grants []Grant, uses []wiretap.Use) []string {
	needed := make([]bool, len(grants))
	for _, use := range uses {
		if i := narrowest(grants, use); i >= 0 && grants[i].neededBy(use) {
			needed[i] = true
		}
	}
	var unused []string
	for i, grant := range grants {
		if !needed[i] {
			unused = append(unused, fmt.Sprintf("%s is granted but never needed", grant))
		}
	}
	return unused
}

// narrowest returns the index of the grant with the longest key pattern that allows the use, or -1 if there is none.
func narrowest(grants []Grant, use wiretap.Use) int {
	best := -1
	for i, grant := range grants {
		if grant.allows(use) && (best < 0 || len(grant.Keys) > len(grants[best].Keys)) {
			best = i
		}
	}
	return best
}

// kind returns the prefix of a key that identifies the kind of item, so that messages do not list every id.
func kind(key string) string {
	if prefix, _, found := strings.Cut(key, "#"); found && key != warmUpKey {
		return prefix + "#…"
	}
	return key
}

// Parse returns the grants of all functions of a template. A grant of a shared policy has the name of the policy as its function, so
// Unused always reports it: the template must grant tables to each function separately. The error names the function whose role has
// an unsupported form.
func Parse(template []byte) ([]Grant, error) {
	var document sam
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, fmt.Errorf("reading the roles: %w", err)
	}
	var grants []Grant
	for name, resource := range document.Resources {
		for _, policy := range append(resource.Properties.Policies, resource.Properties.Document) {
			for _, statement := range policy.Statement {
				more, err := statement.grants(name)
				if err != nil {
					return nil, fmt.Errorf("reading the role of %s: %w", name, err)
				}
				grants = append(grants, more...)
			}
		}
	}
	slices.SortFunc(grants, func(a, b Grant) int { return cmp.Compare(a.String(), b.String()) })
	return grants, nil
}
