package dynamo

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// This file is the only one that names how records are stored: the keys and attributes of both tables. Every partition key
// begins with the type of its item, so that a role can be limited to types (dynamodb:LeadingKeys; see access.go). The rest of
// the key is a random id or a hash, which spreads the items over the partitions.
//
//	Users      partition key       sort key      content
//	account    U#<user>            P             names, addresses, flags and dates; phc (the password's hash), epoch, rev,
//	                                             room (sessions left), op, identity_<provider>
//	guard      N#<sha>             -             canonical username → user
//	guard      E#<sha>             -             canonical address → user
//	guard      I#<provider>#<sha>  -             issuer and subject of an identity → user
//	identity   U#<user>            I#<provider>  identity (partition key of its guard), issuer, subject
//
//	Sessions   partition key       sort key      content
//	session    S#<user>            <session>     kind, epoch, born, rotated, gen, kid, secret, exp, end, op
//	mail       O#<mail>            -             an outbox entry and its one-time token: purpose, state, address, created,
//	                                             exp, user, epoch, kid, end (of the link), lease, worker
//	flow       A#<sha>             -             a sign-in at a provider, by its state: provider, binding, verifier, nonce,
//	                                             exp, and op once it is spent
//	history    R#M#<purpose>#<sha> -             recent mails of a purpose to an address: times, rev, exp
//	attempts   R#G#<user>#<epoch>  -             password attempts: tries; of those since a correct password: streak (the
//	                                             tries before them), slots, opens, tripped; op, exp; the count of a known
//	                                             device or session has #<device> after the epoch
//	window     R#L#<scope>#<sha>#<minute> -      permits taken from a bucket in a minute: n, exp
//
// The access patterns, by the rule that needs them. IF precedes the attributes in a condition.
//
//	register                      BatchGet N,E; TransactWrite Put N,E,U,S,O
//	register, REGISTER_NEUTRAL    BatchGet N,E; TransactWrite Put N,E,U,O, or ConditionCheck N,E,U and Put O
//	login, session/login          BatchGet N or E, R#L (failures of the source); Get U; Update R#G; if a slot is needed: Update R#G
//	  after a wrong password      Update R#L; at the fifth: TransactWrite Update R#G, Put O
//	  after a correct password    Update U; Put S; with no sessions left: Query S, Delete S…, Update U
//	refresh                       Get U; Update S IF gen, epoch, exp, end; on reuse: Delete S
//	me                            BatchGet S,U; with a cookie, at most hourly: Update S
//	logout                        BatchGet S,U; Delete S…
//	send-verification, forgot     Put O
//	mailer                        Get O; Get E,U; Get R#M; TransactWrite Update O, Put R#M; Update O
//	verify-email                  BatchGet O (and S,U); TransactWrite Update O,U
//	reset-password                Get O; Get U; TransactWrite Update O,U, Put O
//	oauth                         Put A
//	oauth/callback                Update A IF provider, binding, exp, no op; Get I
//	  a known identity            Get U; Update U; Put S
//	  a new account               BatchGet E,N; TransactWrite Put I,E,N,U,U/I,S
//	  a link                      BatchGet E,N; Get U; TransactWrite Put I,U/I,S,O, Update U IF rev, epoch
//	  a link in place of another  Get U/I; the same transaction with Delete I
//	health, warm-up               Get U#health
//	rate limit                    Update R#L: of each request to a critical endpoint, and of the others from a sixth of the limit
//
// Times are numbers. exp and end are in seconds since 1970, for DynamoDB's TTL and for tokens. All other times are in
// milliseconds. DynamoDB deletes expired items up to days late, so the code compares exp and end itself.
const (
	prefixUser        = "U#"
	prefixUsername    = "N#"
	prefixEmail       = "E#"
	prefixIdentity    = "I#"
	prefixSession     = "S#"
	prefixFlow        = "A#"
	prefixMail        = "O#"
	prefixMailHistory = "R#M#"
	prefixWindow      = "R#L#"
	prefixAttempts    = "R#G#"

	sortProfile  = "P"
	sortIdentity = "I#" // followed by the provider
	sortNone     = "-"

	// healthPK is a partition key that no item has. Reading it costs half a unit and shows that the table responds.
	healthPK = prefixUser + "health"
)

// Attribute names of both tables. Where a name is older than the term that the code uses, the stored name stays.
const (
	attrPK = "pk"
	attrSK = "sk"

	attrUser      = "user" // in a guard: the user with the name; in a mail: its recipient
	attrOperation = "op"   // id of the operation that wrote last; see Store.updateOnce

	attrUsername      = "username"
	attrUsernameKey   = "username_key" // canonical form
	attrEmail         = "email"
	attrEmailKey      = "email_key" // canonical form
	attrFirstName     = "first_name"
	attrLastName      = "last_name"
	attrPHC           = "phc"
	attrEpoch         = "epoch"
	attrRevision      = "rev"
	attrSessionsLeft  = "room"
	attrForgiven      = "forgiven" // absent means zero, as after a new epoch
	attrActive        = "active"
	attrStaff         = "staff"
	attrSuperuser     = "superuser"
	attrMembership    = "membership"
	attrEmailVerified = "email_verified"
	attrProven        = "proven"
	attrPending       = "pending" // absent means false
	attrOAuthProvider = "oauth_provider"
	attrJoined        = "joined"
	attrLastLogin     = "last_login"

	// attrIdentityOf is followed by the name of a provider. In an account it is the partition key of the guard of its identity
	// there, so that one read of the account shows whether the guard still counts.
	attrIdentityOf = "identity_"
	attrIdentity   = "identity"
	attrIssuer     = "issuer"
	attrSubject    = "subject"

	attrKind           = "kind"
	attrGeneration     = "gen"
	attrSessionCreated = "born"
	attrLastRenewal    = "rotated"
	attrSecret         = "secret" // the SHA-256 of the secret of a cookie
	attrKeyID          = "kid"
	attrExpires        = "exp" // the TTL attribute
	attrEnd            = "end"

	attrProvider = "provider"
	attrBinding  = "binding" // the SHA-256 of the cookie that binds a flow to a browser
	attrVerifier = "verifier"
	attrNonce    = "nonce"

	attrPurpose = "purpose"
	attrState   = "state"
	attrAddress = "address"
	attrCreated = "created"
	attrLease   = "lease"
	attrWorker  = "worker"
	attrTimes   = "times" // milliseconds, separated by commas

	attrPermits    = "n"
	attrAttempts   = "tries"
	attrStreak     = "streak" // absent means zero
	attrSlotsTaken = "slots"
	attrOpensAt    = "opens"
	attrReported   = "tripped"
)

type item = map[string]types.AttributeValue

func key(pk, sk string) item {
	return item{attrPK: text(pk), attrSK: text(sk)}
}

func userKey(user id.ID) item { return key(prefixUser+user.String(), sortProfile) }

func usernameKey(canonical string) item { return key(prefixUsername+digest(canonical), sortNone) }

func emailKey(canonical string) item { return key(prefixEmail+digest(canonical), sortNone) }

func identityKey(identity signin.Identity) item {
	return key(prefixIdentity+identity.Provider+"#"+digest(identity.Issuer+"\x00"+identity.Subject), sortNone)
}

func userIdentityKey(user id.ID, provider string) item {
	return key(prefixUser+user.String(), sortIdentity+provider)
}

func flowKey(state secret.String) item { return key(prefixFlow+digest(state.Reveal()), sortNone) }

func sessionKey(user, session id.ID) item {
	return key(prefixSession+user.String(), session.String())
}

func mailKey(mail id.ID) item { return key(prefixMail+mail.String(), sortNone) }

func mailHistoryKey(purpose outbox.Purpose, address string) item {
	return key(prefixMailHistory+string(purpose)+"#"+digest(address), sortNone)
}

func windowKey(window limit.Window) item {
	minute := strconv.FormatInt(window.Start.Unix()/60, 10)
	return key(prefixWindow+window.Scope+"#"+digest(window.Holder)+"#"+minute, sortNone)
}

func attemptsKey(counter guard.Counter) item {
	pk := prefixAttempts + counter.Account.String() + "#" + strconv.FormatUint(counter.Epoch, 10)
	if !counter.Device.IsZero() {
		pk += "#" + counter.Device.String()
	}
	return key(pk, sortNone)
}

// MailID returns the id of a mail from its partition key, which a record of the table's stream contains.
func MailID(pk string) (id.ID, error) {
	text, found := strings.CutPrefix(pk, prefixMail)
	if !found {
		return id.ID{}, fmt.Errorf("reading the key of a mail: %q has no prefix %q", pk, prefixMail)
	}
	return id.Parse(text)
}

func healthKey() item { return key(healthPK, sortProfile) }

// digest returns a hash for use in a key. It makes all keys equally short and keeps names out of them.
func digest(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
