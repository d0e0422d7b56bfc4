package dynamo

import "slices"

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
// template.yaml is the union over the methods that the function can reach (infra/generate). A method without an entry here
// cannot be deployed.
//
// It is a function, so that a binary that does not call it neither contains nor initializes the table.
func Access() map[string][]Grant {
	newAccount := on(Users, "PutItem", prefixUsername, prefixEmail, prefixUser)
	return map[string][]Grant{
		"Ping": {{Users, "GetItem", healthPK}},

		// Accounts and their names.
		"EnsureFree":    on(Users, "BatchGetItem", prefixUsername, prefixEmail),
		"CreateAccount": slices.Concat(newAccount, on(Sessions, "PutItem", prefixSession, prefixMail)),
		"CreatePending": slices.Concat(newAccount, on(Sessions, "PutItem", prefixMail)),
		"QueueAddressTaken": slices.Concat(
			on(Users, "ConditionCheckItem", prefixUsername, prefixEmail, prefixUser), on(Sessions, "PutItem", prefixMail),
		),
		"FindUser":          on(Users, "GetItem", prefixUsername, prefixEmail, prefixUser),
		"FindUserByAddress": on(Users, "GetItem", prefixEmail, prefixUser),
		"ReadUser":          on(Users, "GetItem", prefixUser),
		"RecordLogin":       on(Users, "UpdateItem", prefixUser),
		"SetSessionsLeft":   on(Users, "UpdateItem", prefixUser),

		// Identities at a provider.
		"FindUserByIdentity":        on(Users, "GetItem", prefixIdentity, prefixUser),
		"FindHolders":               on(Users, "BatchGetItem", prefixUsername, prefixEmail),
		"CreateAccountWithIdentity": slices.Concat(newAccount, on(Users, "PutItem", prefixIdentity), on(Sessions, "PutItem", prefixSession)),
		"LinkIdentity": slices.Concat(
			on(Users, "PutItem", prefixIdentity, prefixUser), on(Users, "DeleteItem", prefixIdentity),
			on(Users, "UpdateItem", prefixUser), on(Users, "GetItem", prefixUser), on(Sessions, "PutItem", prefixSession, prefixMail),
		),
		"PutFlow":   on(Sessions, "PutItem", prefixFlow),
		"SpendFlow": on(Sessions, "UpdateItem", prefixFlow),

		// Sessions.
		"PutSession":    on(Sessions, "PutItem", prefixSession),
		"ListSessions":  on(Sessions, "Query", prefixSession),
		"EndSession":    on(Sessions, "DeleteItem", prefixSession),
		"ReadSessions":  slices.Concat(on(Sessions, "BatchGetItem", prefixSession), on(Users, "BatchGetItem", prefixUser)),
		"RenewSession":  on(Sessions, "UpdateItem", prefixSession),
		"RotateSession": on(Sessions, "UpdateItem", prefixSession),

		// Counters.
		"TakePermits":    on(Sessions, "UpdateItem", prefixWindow),
		"CountAttempt":   on(Sessions, "UpdateItem", prefixAttempts),
		"TakeSlot":       on(Sessions, "UpdateItem", prefixAttempts),
		"ClearAttempts":  on(Sessions, "DeleteItem", prefixAttempts),
		"ReportGuessing": slices.Concat(on(Sessions, "UpdateItem", prefixAttempts), on(Sessions, "PutItem", prefixMail)),

		// Mails and the links in them.
		"QueueMail":           on(Sessions, "PutItem", prefixMail),
		"ReadMail":            on(Sessions, "GetItem", prefixMail),
		"ReadMailAndSessions": slices.Concat(on(Sessions, "BatchGetItem", prefixMail, prefixSession), on(Users, "BatchGetItem", prefixUser)),
		"ReadMailHistory":     on(Sessions, "GetItem", prefixMailHistory),
		"LeaseMail":           slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMailHistory)),
		"SetMailState":        on(Sessions, "UpdateItem", prefixMail),
		"VerifyEmail":         slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
		"DisownAccount":       slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
		"ResetPassword": slices.Concat(
			on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMail), on(Users, "UpdateItem", prefixUser),
		),
	}
}

// on returns the grants of one action on the keys with the given prefixes.
func on(table Table, action string, prefixes ...string) []Grant {
	grants := make([]Grant, len(prefixes))
	for i, prefix := range prefixes {
		grants[i] = Grant{table, action, prefix + "*"}
	}
	return grants
}
