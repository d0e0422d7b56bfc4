package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
)

// function is the source of one block of the template.
type function struct {
	name     string // its folder in functions/
	hashes   bool
	settings bool // reads the address of the API from Systems Manager
	keys     bool // reads the keys
	limited  bool // has a rate limit, and therefore reads the keys of proxies if there are any
	grants   []dynamo.Grant
	extra    extra
}

// extra holds the settings of a function that follow neither from the table nor from the code.
type extra struct {
	Memory     int    `yaml:"memory"`     // in MB; zero for the default
	Properties string `yaml:"properties"` // YAML of further properties
	Statements string `yaml:"statements"` // YAML of further statements of its role
}

//go:embed functions.yaml
var extras []byte

// stops names the functions of the product at which the search for store methods stops. They contain calls for all endpoints, and
// the table states more exactly which of them an endpoint makes.
var stops = map[string]bool{
	"(*latchkey/pkg/app.Parts).server":        true, // creates all components that any endpoint needs
	"(*latchkey/pkg/httpapi.Server).admit":    true, // reads sessions and takes permits, depending on the row
	"(*latchkey/pkg/app.Parts).open":          true, // reads only what the function uses
	"(*latchkey/pkg/app.rehearsal).serve":     true, // makes no call
	"(*latchkey/pkg/app.Parts).withFreshKeys": true,
}

// The store methods that an endpoint calls besides those of its rule, by the columns of its row.
var (
	byAuth = map[contract.Auth][]string{
		contract.Offered:  {"ReadSessions"},
		contract.Required: {"ReadSessions", "RenewSession"},
		contract.Ending:   {"ReadSessions", "RenewSession"},
	}
	byTier = map[contract.Tier][]string{
		contract.Critical: {"TakePermits"},
		contract.Medium:   {"TakePermits"},
		contract.Attempts: {"TakePermits"},
	}
)

// describe returns all functions of the product, in the order of the template.
func describe(p *program) ([]function, error) {
	further := map[string]extra{}
	if err := yaml.Unmarshal(extras, &further); err != nil {
		return nil, fmt.Errorf("reading functions.yaml: %w", err)
	}
	var all []function
	for path, checked := range p.checked {
		name, is := strings.CutPrefix(path, module+"functions/")
		if !is {
			continue
		}
		described, err := describeOne(p, name, checked.Scope().Lookup("main").(*types.Func))
		if err != nil {
			return nil, err
		}
		described.extra = further[name]
		delete(further, name)
		all = append(all, described)
	}
	if len(further) > 0 {
		return nil, fmt.Errorf("functions.yaml describes %v, which have no folder in functions/", slices.Sorted(maps.Keys(further)))
	}
	slices.SortFunc(all, func(a, b function) int { return cmp.Compare(order(a.name), order(b.name)) })
	return all, nil
}

// order returns a sort key: functions have the order of the table, followed by those without a route in the order of their names.
func order(name string) string {
	row := slices.IndexFunc(contract.Endpoints, func(e contract.Endpoint) bool { return e.Function == name })
	if row < 0 {
		row = len(contract.Endpoints)
	}
	return fmt.Sprintf("%04d %s", row, name)
}

func describeOne(p *program, name string, main *types.Func) (function, error) {
	reached := p.reach([]*types.Func{main}, stops)
	described := function{name: name}
	methods := map[string]bool{}
	for f := range reached {
		switch full := f.FullName(); {
		case full == "(*latchkey/pkg/app.Parts).useKeys":
			described.keys = true
		case full == "(*latchkey/pkg/app.Parts).open":
			described.settings = true
		case strings.HasPrefix(full, "(*latchkey/pkg/dynamo.Store).") && f.Exported():
			methods[f.Name()] = true
		}
	}
	for _, endpoint := range contract.Endpoints {
		if endpoint.Function != name {
			continue
		}
		described.hashes = described.hashes || endpoint.Hashes
		described.limited = described.limited || endpoint.Tier != contract.Unlimited
		for _, method := range slices.Concat(byAuth[endpoint.Auth], byTier[endpoint.Tier]) {
			methods[method] = true
		}
		if len(byAuth[endpoint.Auth]) > 0 || endpoint.Counts == contract.ForCaller {
			described.keys = true // which verify its tokens
		}
	}
	if len(methods) > 0 {
		methods["Ping"] = true // the warm-up
	}
	for method := range methods {
		grants, declared := dynamo.Access()[method]
		if !declared {
			return function{}, fmt.Errorf("pkg/dynamo does not declare the access of Store.%s", method)
		}
		described.grants = append(described.grants, grants...)
	}
	described.grants = distinct(described.grants)
	return described, nil
}

// distinct returns the grants without repetition, and without those that a wider grant of the same action covers.
func distinct(grants []dynamo.Grant) []dynamo.Grant {
	slices.SortFunc(grants, func(a, b dynamo.Grant) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Key, b.Key))
	})
	grants = slices.Compact(grants)
	return slices.DeleteFunc(slices.Clone(grants), func(narrow dynamo.Grant) bool {
		return slices.ContainsFunc(grants, func(wide dynamo.Grant) bool {
			prefix, open := strings.CutSuffix(wide.Key, "*")
			return open && wide != narrow && wide.Table == narrow.Table && wide.Action == narrow.Action && strings.HasPrefix(narrow.Key, prefix)
		})
	})
}
