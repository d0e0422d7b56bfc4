package dynamo

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func userItem(user account.User) item {
	stored := item{
		attrUsername:      text(user.Username.Typed),
		attrUsernameKey:   text(user.Username.Canonical),
		attrEmail:         text(user.Email.Typed),
		attrEmailKey:      text(user.Email.Canonical),
		attrFirstName:     text(user.FirstName),
		attrLastName:      text(user.LastName),
		attrEpoch:         number(user.Epoch),
		attrRevision:      number(user.Revision),
		attrSessionsLeft:  number(user.SessionsLeft),
		attrActive:        flag(user.Active),
		attrStaff:         flag(user.Staff),
		attrSuperuser:     flag(user.Superuser),
		attrMembership:    flag(user.Membership),
		attrEmailVerified: flag(user.EmailVerified),
		attrProven:        flag(user.Proven),
		attrJoined:        millis(user.Joined),
	}
	if !user.PasswordHash.IsZero() {
		stored[attrPHC] = text(user.PasswordHash.Reveal())
	}
	if user.Pending {
		stored[attrPending] = flag(true)
	}
	if user.OAuthProvider != "" {
		stored[attrOAuthProvider] = text(user.OAuthProvider)
	}
	if !user.LastLogin.IsZero() {
		stored[attrLastLogin] = millis(user.LastLogin)
	}
	maps.Copy(stored, userKey(user.ID))
	return stored
}

func readUser(stored item) (account.User, error) {
	r := &reader{item: stored}
	user := account.User{
		ID:            r.idAfter(prefixUser, attrPK),
		Username:      identifier.Username{Typed: r.text(attrUsername), Canonical: r.text(attrUsernameKey)},
		Email:         identifier.Address{Typed: r.text(attrEmail), Canonical: r.text(attrEmailKey)},
		FirstName:     r.text(attrFirstName),
		LastName:      r.text(attrLastName),
		PasswordHash:  secret.New(r.text(attrPHC)),
		Epoch:         r.count(attrEpoch, math.MaxInt64),
		Revision:      r.count(attrRevision, math.MaxInt64),
		SessionsLeft:  int(r.integer(attrSessionsLeft)),
		Forgiven:      int(r.count(attrForgiven, 1<<62)),
		Active:        r.flag(attrActive),
		Staff:         r.flag(attrStaff),
		Superuser:     r.flag(attrSuperuser),
		Membership:    r.flag(attrMembership),
		EmailVerified: r.flag(attrEmailVerified),
		Proven:        r.flag(attrProven),
		Pending:       r.flag(attrPending),
		OAuthProvider: r.text(attrOAuthProvider),
		Joined:        r.millis(attrJoined),
		LastLogin:     r.millis(attrLastLogin),
	}
	return user, r.err
}

func guardItem(guard item, user id.ID) item {
	guard[attrUser] = text(user.String())
	return guard
}

func readGuard(stored item) (id.ID, error) {
	r := &reader{item: stored}
	return r.id(attrUser), r.err
}

// userIdentityItem is the item of an identity below its account. It names the guard that leads from the identity to the account.
func userIdentityItem(user id.ID, identity signin.Identity) item {
	stored := userIdentityKey(user, identity.Provider)
	stored[attrIdentity] = identityKey(identity)[attrPK]
	stored[attrIssuer], stored[attrSubject] = text(identity.Issuer), text(identity.Subject)
	return stored
}

// readUserIdentity returns the partition key of the guard.
func readUserIdentity(stored item) (string, error) {
	r := &reader{item: stored}
	return r.text(attrIdentity), r.err
}

func flowItem(flow signin.Flow) item {
	stored := item{
		attrProvider: text(flow.Provider),
		attrBinding:  binary(flow.Binding),
		attrVerifier: text(flow.Verifier.Reveal()),
		attrNonce:    text(flow.Nonce.Reveal()),
		attrExpires:  seconds(flow.Expires),
	}
	maps.Copy(stored, flowKey(flow.State))
	return stored
}

// readFlow decodes a flow. Its item has only the hash of the state.
func readFlow(stored item, state secret.String) (signin.Flow, error) {
	r := &reader{item: stored}
	flow := signin.Flow{
		FlowKeys: signin.FlowKeys{
			State: state, Verifier: secret.New(r.text(attrVerifier)), Nonce: secret.New(r.text(attrNonce)),
		},
		Provider: r.text(attrProvider),
		Binding:  r.binary(attrBinding),
		Expires:  r.seconds(attrExpires),
	}
	return flow, r.err
}

func sessionItem(sess session.Session) item {
	stored := item{
		attrKind:           text(string(sess.Kind)),
		attrEpoch:          number(sess.Epoch),
		attrSessionCreated: millis(sess.Created),
		attrLastRenewal:    millis(sess.LastRenewal),
		attrExpires:        seconds(sess.Expires),
		attrEnd:            seconds(sess.End),
	}
	switch sess.Kind {
	case session.KindTokens:
		stored[attrGeneration] = number(sess.Generation)
		stored[attrKeyID] = text(sess.KeyID)
	case session.KindCookie:
		stored[attrSecret] = binary(sess.SecretHash)
	}
	maps.Copy(stored, sessionKey(sess.User, sess.ID))
	return stored
}

func readSession(stored item) (session.Session, error) {
	r := &reader{item: stored}
	session := session.Session{
		User:        r.idAfter(prefixSession, attrPK),
		ID:          r.id(attrSK),
		Kind:        session.Kind(r.text(attrKind)),
		Epoch:       r.count(attrEpoch, math.MaxInt64),
		Created:     r.millis(attrSessionCreated),
		LastRenewal: r.millis(attrLastRenewal),
		Generation:  uint32(r.count(attrGeneration, math.MaxUint32)),
		KeyID:       r.text(attrKeyID),
		SecretHash:  r.binary(attrSecret),
		Expires:     r.seconds(attrExpires),
		End:         r.seconds(attrEnd),
	}
	return session, r.err
}

func mailItem(mail outbox.Mail) item {
	stored := item{
		attrPurpose: text(string(mail.Purpose)),
		attrState:   text(string(mail.State)),
		attrAddress: text(mail.Address),
		attrCreated: millis(mail.Created),
		attrExpires: seconds(mail.Expires),
	}
	if !mail.User.IsZero() {
		stored[attrUser] = text(mail.User.String())
	}
	maps.Copy(stored, mailKey(mail.ID))
	return stored
}

func readMail(stored item) (outbox.Mail, error) {
	r := &reader{item: stored}
	mail := outbox.Mail{
		ID:       r.idAfter(prefixMail, attrPK),
		Purpose:  outbox.Purpose(r.text(attrPurpose)),
		State:    outbox.State(r.text(attrState)),
		Address:  r.text(attrAddress),
		Created:  r.millis(attrCreated),
		Expires:  r.seconds(attrExpires),
		Epoch:    r.count(attrEpoch, math.MaxInt64),
		KeyID:    r.text(attrKeyID),
		LinkEnd:  r.seconds(attrEnd),
		LeaseEnd: r.seconds(attrLease),
		Worker:   r.text(attrWorker),
	}
	if stored[attrUser] != nil {
		mail.User = r.id(attrUser)
	}
	return mail, r.err
}

// mailHistoryItem is the history of an address with the mail of a new lease.
func mailHistoryItem(lease outbox.Lease) item {
	times := make([]string, len(lease.History.Times))
	for i, sent := range lease.History.Times {
		times[i] = strconv.FormatInt(sent.UnixMilli(), 10)
	}
	stored := mailHistoryKey(lease.Mail.Purpose, lease.Mail.Address)
	stored[attrTimes] = text(strings.Join(times, ","))
	stored[attrRevision] = number(lease.History.Revision + 1)
	stored[attrExpires] = seconds(lease.Now.Add(time.Hour + time.Second))
	return stored
}

func readMailHistory(stored item) (outbox.History, error) {
	r := &reader{item: stored}
	history := outbox.History{Revision: r.count(attrRevision, 1<<62)}
	for millis := range strings.SplitSeq(r.text(attrTimes), ",") {
		if millis == "" {
			continue
		}
		sent, err := strconv.ParseInt(millis, 10, 64)
		if err != nil {
			return outbox.History{}, err
		}
		history.Times = append(history.Times, time.UnixMilli(sent).UTC())
	}
	return history, r.err
}

func readAttempts(stored item) (guard.Count, error) {
	r := &reader{item: stored}
	count := guard.Count{
		Attempts: int(r.count(attrAttempts, 1<<62)),
		Streak: guard.Streak{
			After:      int(r.count(attrStreak, 1<<62)),
			SlotsTaken: int(r.count(attrSlotsTaken, 1<<31)),
			OpensAt:    r.millis(attrOpensAt),
			Reported:   r.flag(attrReported),
		},
	}
	return count, r.err
}

// readWindow returns the permits taken in a window, which are zero if nothing is stored.
func readWindow(stored item) (int, error) {
	r := &reader{item: stored}
	return int(r.count(attrPermits, 1<<31)), r.err
}
