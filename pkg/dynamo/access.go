package dynamo

import "maps"

// Table is the logical id of a table in template.yaml.
type Table string

// The tables.
const (
	Users    Table = "Users"
	Sessions Table = "Sessions"
)

// Grant is a permission for one action of DynamoDB on items of a table, in the terms of IAM.
type Grant struct {
	Table  Table
	Action string // such as "PutItem"; a transaction needs the actions of its writes
	Key    string // a partition key, or the beginning of one followed by *
}

// Access returns the grants that each exported method of [Store] needs, by the name of the method. The role of a function in
// template.yaml is the union over the methods that the function can reach (infra/generate). A method without an entry cannot be
// deployed. The entry of a method is in the same file as the method.
//
// It is a function, so that a binary that does not call it neither contains nor initializes the table.
func Access() map[string][]Grant {
	all := map[string][]Grant{}
	for _, declared := range []map[string][]Grant{
		healthAccess(), accountAccess(), identityAccess(), flowAccess(), sessionAccess(), attemptAccess(), permitAccess(), mailAccess(),
		linkAccess(),
	} {
		maps.Copy(all, declared)
	}
	return all
}

// on returns the grants of one action on the keys with the given prefixes.
func on(table Table, action string, prefixes ...string) []Grant {
	grants := make([]Grant, len(prefixes))
	for i, prefix := range prefixes {
		grants[i] = Grant{table, action, prefix + "*"}
	}
	return grants
}
