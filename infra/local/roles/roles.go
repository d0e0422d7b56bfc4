// Package roles holds the functions' roles to what the functions do: of a role, every grant must have been needed, and of a
// function, every call must have been granted.
//
// It reads the DynamoDB statements of the template's functions, and gets the calls from a run of the end-to-end tests. It is no
// evaluator of IAM: it knows the one form of statement that the template uses, and refuses any other.
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
	Action   string // as in "PutItem"
	Table    string // logical id
	Keys     string // a partition key, or what one begins with and *
}

func (g Grant) String() string {
	return fmt.Sprintf("%s: %s on %s %s", g.Function, g.Action, g.Table, g.Keys)
}

// warmUpKey is what every function with a store reads at its start (pkg/dynamo). It is no evidence that a role must reach accounts.
const warmUpKey = "U#health"

// allows says whether the grant covers the use.
func (g Grant) allows(use wiretap.Use) bool {
	prefix, open := strings.CutSuffix(g.Keys, "*")
	fits := use.Key == g.Keys || open && strings.HasPrefix(use.Key, prefix)
	return g.Function == use.Function && g.Action == use.Action && g.Table == use.Table && fits
}

// needed says whether the use, which the grant covers, shows that the grant is no wider than it must be.
func (g Grant) needed(use wiretap.Use) bool { return g.Keys == use.Key || use.Key != warmUpKey }

// Refused lists the uses that no grant covers, as sentences. Uses by others than functions of the template do not count.
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

// Unused lists the grants that no use needs, as sentences. Of two grants that cover a use the narrower one is needed.
func Unused(grants []Grant, uses []wiretap.Use) []string {
	needed := make([]bool, len(grants))
	for _, use := range uses {
		if i := narrowest(grants, use); i >= 0 && grants[i].needed(use) {
			needed[i] = true
		}
	}
	var unused []string
	for i, grant := range grants {
		if !needed[i] {
			unused = append(unused, fmt.Sprintf("%s is allowed and never needed", grant))
		}
	}
	return unused
}

// narrowest is the grant with the longest pattern that covers the use; -1 for none.
func narrowest(grants []Grant, use wiretap.Use) int {
	best := -1
	for i, grant := range grants {
		if grant.allows(use) && (best < 0 || len(grant.Keys) > len(grants[best].Keys)) {
			best = i
		}
	}
	return best
}

// kind is the beginning of a key that says what it is, so that a message does not list every id.
func kind(key string) string {
	if prefix, _, found := strings.Cut(key, "#"); found && key != warmUpKey {
		return prefix + "#…"
	}
	return key
}

// Parse reads the grants of all functions of a template. What a policy that several functions share allows is a grant of its own,
// which no function uses: tables are granted to functions one by one. An error names the function whose role has another form than that
// described at the head of this package.
func Parse(template []byte) ([]Grant, error) {
	var parsed sam
	if err := yaml.Unmarshal(template, &parsed); err != nil {
		return nil, fmt.Errorf("reading the roles: %w", err)
	}
	var grants []Grant
	for name, resource := range parsed.Resources {
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
