package contract

// Caller is a kind of caller, as the rate limits distinguish them.
type Caller string

// The kinds of callers.
const (
	Stranger     Caller = "no credential, or an invalid one"
	OwnSession   Caller = "a live session of the account"
	OwnDevice    Caller = "a device of the account"
	RefreshToken Caller = "a refresh token in the body"
	FormerDevice Caller = "a device of the account, from before a reset"
	OtherAccount Caller = "a session or device of another account"
)

// Callers lists the kinds of callers. The account is the one that the endpoint acts on. An endpoint that acts on the caller's own
// account acts on that of the session.
var Callers = []Caller{Stranger, OwnSession, OwnDevice, RefreshToken, FormerDevice, OtherAccount}

// Holder is what the requests of a caller count for.
type Holder string

// The holders.
const (
	Source  Holder = "source"  // the address, by /64 for IPv6
	User    Holder = "user"    // the user of the session
	Session Holder = "session" // the session of the refresh token
	Account Holder = "account" // the account, for all its devices and sessions
	Nobody  Holder = "none"    // there is no limit
)

// CountsFor returns what the requests of a caller to the endpoint count for.
func (e Endpoint) CountsFor(caller Caller) Holder {
	switch e.Counts {
	case ForNobody:
		return Nobody
	case ForSource:
	case ForOwner:
		if caller == OwnSession || caller == OwnDevice {
			return Account
		}
	case ForCaller:
		switch {
		case caller == RefreshToken && e.Auth != Required:
			return Session
		case caller == OwnSession && e.Auth != Ignored:
			return User
		}
	}
	return Source
}
