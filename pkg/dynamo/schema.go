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

// This file is the one place that names how records are stored. Every partition key has a type prefix, so that
// IAM's dynamodb:LeadingKeys can tell functions apart, and is spread over partitions: it holds a random id or a hash.
//
//	Users      pk          sk    holds
//	account    U#<user>    P     names, addresses, flags and dates of the account; phc, epoch, rev, room, op;
//	                             identity_<provider>
//	guard      N#<sha>     -     username (canonical form) → user
//	guard      E#<sha>     -     address (canonical form) → user
//	guard      I#<provider>#<sha>  -  identity (issuer and subject) → user
//	identity   U#<user>    I#<provider>  the same as the account has it: identity (the guard's pk), issuer, subject
//
//	Sessions   pk          sk         holds
//	session    S#<user>    <session>  kind, epoch, born, rotated, gen, kid, secret, exp, end, op
//	mail       O#<mail>    -          outbox entry and one-time token: purpose, state, address, created, exp, user, epoch,
//	                                  kid, end (of the link), lease, worker
//	flow       A#<sha>     -          sign-in by a provider, by its state: provider, binding, verifier, nonce, exp; op once spent
//	counter    R#M#<purpose>#<sha>  - when mails of that purpose went to the address lately: times, rev, exp
//	tries      R#G#<user>#<epoch>   - tries at the password since the last success: tries, slots, opens, tripped, op, exp;
//	                                  with #<device> behind it, those of a device or session that is the account's own
//	window     R#L#<scope>#<sha>    - permits taken of a bucket in the minute that ends at exp: n, exp
//
//	who asks                      how
//	register                      BatchGet N,E; TransactWrite Put U,N,E,S,O
//	register, neutral             BatchGet N,E; TransactWrite Put U,N,E,O, or checks of U,N,E and Put O
//	login, session/login          Get N or E; Get U; Update U; Put S; without room: Query S, Delete S…, Update U
//	refresh                       Get U; Update S IF gen, epoch, exp, end; at reuse Delete S
//	me, logout                    BatchGet S,U, consistent; logout: Delete S; me with a cookie, hourly: Update S
//	send-verification, forgot     Put O
//	mailer                        Get O; Get E,U; Get R; TransactWrite Update O, Put R; Update O
//	verify-email                  BatchGet O (,S,U); TransactWrite Update O,U
//	reset-password                Get O; Get U; TransactWrite Update O,U, Put O
//	oauth                         Put A
//	oauth callback                Update A IF provider, binding, exp, no op; Get I; known: Get U, Update U, Put S; else
//	                              BatchGet E,N; new: TransactWrite Put I,E,N,U,U/I,S; link: Get U, TransactWrite Put I,
//	                              Update U IF rev, epoch, Put U/I,S,O; replacing: Get U/I, TransactWrite with Delete I
//	health, warm-up               Get U#health
//	tries, before the hash        Update R#G; in need of a slot Update R#G; when it trips TransactWrite Update R#G, Put O;
//	                              at success Delete R#G
//	the limiter, before these     Update R#L IF n, exp; once more for a window that has ended
//
// Times are numbers: seconds since 1970 where DynamoDB's TTL or a token's lifetime reads them (exp, end),
// milliseconds elsewhere. Sessions are swept by TTL on exp, days late at times: the code compares exp and end itself.
const (
	prefixUser     = "U#"
	prefixUsername = "N#"
	prefixEmail    = "E#"
	prefixIdentity = "I#"
	prefixSession  = "S#"
	prefixFlow     = "A#"
	prefixMail     = "O#"
	prefixMailRate = "R#M#"
	prefixRate     = "R#L#"
	prefixTries    = "R#G#"

	sortProfile  = "P"
	sortIdentity = "I#" // and the provider
	sortNone     = "-"
)

// Attribute names of both tables.
const (
	attrPK = "pk"
	attrSK = "sk"

	attrUser = "user" // of a guard: whose name it is; of a mail: whose account it is for
	attrOp   = "op"   // the operation that wrote last, by which a retry knows its own write

	attrUsername      = "username"
	attrUsernameKey   = "username_key" // canonical form
	attrEmail         = "email"
	attrEmailKey      = "email_key" // canonical form
	attrFirstName     = "first_name"
	attrLastName      = "last_name"
	attrPHC           = "phc"
	attrEpoch         = "epoch"
	attrRevision      = "rev"
	attrRoom          = "room"
	attrActive        = "active"
	attrStaff         = "staff"
	attrSuperuser     = "superuser"
	attrMembership    = "membership"
	attrEmailVerified = "email_verified"
	attrProven        = "proven"
	attrPending       = "pending" // there only while it holds
	attrOAuthProvider = "oauth_provider"
	attrJoined        = "joined"
	attrLastLogin     = "last_login"

	attrIdentity = "identity"

	// attrIdentityOf and a provider's name is, in an account, the partition key of its identity's guard: what the account is
	// read with tells whether the identity still leads to it.
	attrIdentityOf = "identity_"
	attrIssuer     = "issuer"
	attrSubject    = "subject"

	attrKind       = "kind"
	attrGeneration = "gen"
	attrBorn       = "born"
	attrRotated    = "rotated"
	attrSecret     = "secret" // the SHA-256 of a cookie's secret
	attrKeyID      = "kid"
	attrExpires    = "exp" // the TTL attribute
	attrEnd        = "end"

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
	attrTimes   = "times"

	attrCount   = "n"
	attrTries   = "tries"
	attrSlots   = "slots"
	attrOpens   = "opens"
	attrTripped = "tripped"
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

func mailRateKey(purpose outbox.Purpose, address string) item {
	return key(prefixMailRate+string(purpose)+"#"+digest(address), sortNone)
}

func rateKey(bucket limit.Bucket) item {
	return key(prefixRate+bucket.Scope+"#"+digest(bucket.Holder), sortNone)
}

func triesKey(count guard.Counter) item {
	pk := prefixTries + count.Account.String() + "#" + strconv.FormatUint(count.Epoch, 10)
	if !count.Device.IsZero() {
		pk += "#" + count.Device.String()
	}
	return key(pk, sortNone)
}

// MailID reads the id of a mail from its partition key, as records of the table's stream have it.
func MailID(pk string) (id.ID, error) {
	text, is := strings.CutPrefix(pk, prefixMail)
	if !is {
		return id.ID{}, fmt.Errorf("reading a mail's key: %q does not begin with %q", pk, prefixMail)
	}
	return id.Parse(text)
}

// healthKey is a key that no item has: reading it costs half a unit and shows that the table answers.
func healthKey() item { return key(prefixUser+"health", sortProfile) }

// digest keeps keys short, whatever the length of a name, and keeps names out of them.
func digest(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
