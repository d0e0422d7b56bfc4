package dynamo

import "slices"

// Table is the logical id of a table in template.yaml.
type Table string

// The tables.
const (
	Users    Table = "Users"
	Sessions Table = "Sessions"
)

// Grant is one action of DynamoDB on the partition keys of a table, as IAM names them.
type Grant struct {
	Table  Table
	Action string // as in "PutItem"; a transaction needs the actions of its items
	Key    string // a partition key, or its beginning followed by *
}

// Access declares what each exported method of [Store] does to the tables. The role of a function in template.yaml is the union
// over the methods that its rules can reach (infra/generate), so a method without a declaration cannot be deployed.
var Access = map[string][]Grant{
	"Ping": {{Users, "GetItem", "U#health"}},

	// Accounts and their names.
	"EnsureFree":        on(Users, "BatchGetItem", prefixUsername, prefixEmail),
	"CreateAccount":     all(newAccount, on(Sessions, "PutItem", prefixSession, prefixMail)),
	"CreatePending":     all(newAccount, on(Sessions, "PutItem", prefixMail)),
	"QueueAddressTaken": all(on(Users, "ConditionCheckItem", prefixUsername, prefixEmail, prefixUser), on(Sessions, "PutItem", prefixMail)),
	"FindUser":          on(Users, "GetItem", prefixUsername, prefixEmail, prefixUser),
	"FindUserByAddress": on(Users, "GetItem", prefixEmail, prefixUser),
	"ReadUser":          on(Users, "GetItem", prefixUser),
	"RecordLogin":       on(Users, "UpdateItem", prefixUser),
	"SetSessionsLeft":   on(Users, "UpdateItem", prefixUser),

	// Identities at a provider.
	"FindUserByIdentity":        on(Users, "GetItem", prefixIdentity, prefixUser),
	"FindHolders":               on(Users, "BatchGetItem", prefixUsername, prefixEmail),
	"CreateAccountWithIdentity": all(newAccount, on(Users, "PutItem", prefixIdentity), on(Sessions, "PutItem", prefixSession)),
	"LinkIdentity": all(
		on(Users, "PutItem", prefixIdentity, prefixUser), on(Users, "DeleteItem", prefixIdentity),
		on(Users, "UpdateItem", prefixUser), on(Users, "GetItem", prefixUser), on(Sessions, "PutItem", prefixSession, prefixMail),
	),
	"PutFlow":   on(Sessions, "PutItem", prefixFlow),
	"SpendFlow": on(Sessions, "UpdateItem", prefixFlow),

	// Sessions.
	"PutSession":    on(Sessions, "PutItem", prefixSession),
	"ListSessions":  on(Sessions, "Query", prefixSession),
	"EndSession":    on(Sessions, "DeleteItem", prefixSession),
	"ReadSessions":  all(on(Sessions, "BatchGetItem", prefixSession), on(Users, "BatchGetItem", prefixUser)),
	"RenewSession":  on(Sessions, "UpdateItem", prefixSession),
	"RotateSession": on(Sessions, "UpdateItem", prefixSession),

	// Counters.
	"TakePermits":    on(Sessions, "UpdateItem", prefixRate),
	"CountAttempt":   on(Sessions, "UpdateItem", prefixTries),
	"TakeSlot":       on(Sessions, "UpdateItem", prefixTries),
	"ClearAttempts":  on(Sessions, "DeleteItem", prefixTries),
	"ReportGuessing": all(on(Sessions, "UpdateItem", prefixTries), on(Sessions, "PutItem", prefixMail)),

	// Mails and the links in them.
	"QueueMail":           on(Sessions, "PutItem", prefixMail),
	"ReadMail":            on(Sessions, "GetItem", prefixMail),
	"ReadMailAndSessions": all(on(Sessions, "BatchGetItem", prefixMail, prefixSession), on(Users, "BatchGetItem", prefixUser)),
	"ReadMailHistory":     on(Sessions, "GetItem", prefixMailRate),
	"LeaseMail":           all(on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMailRate)),
	"SetMailState":        on(Sessions, "UpdateItem", prefixMail),
	"VerifyEmail":         all(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
	"DisownAccount":       all(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
	"ResetPassword": all(
		on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMail), on(Users, "UpdateItem", prefixUser),
	),
}

// newAccount is what storing an account with its guards needs.
var newAccount = on(Users, "PutItem", prefixUsername, prefixEmail, prefixUser)

// on returns the grants of one action on the keys with the given beginnings.
func on(table Table, action string, prefixes ...string) []Grant {
	grants := make([]Grant, len(prefixes))
	for i, prefix := range prefixes {
		grants[i] = Grant{table, action, prefix + "*"}
	}
	return grants
}

// all joins grants.
func all(grants ...[]Grant) []Grant { return slices.Concat(grants...) }
