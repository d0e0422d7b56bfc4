package session

import (
	"context"
	"maps"
	"slices"
)

type resolutionKey struct{}

// resolution is what was read for one request, which is not read again for it.
type resolution struct {
	asked []Ref
	found map[Ref]Principal
	live  []Principal
}

// Resolve returns the callers whose live sessions the credentials open, in the order of [Authenticator.Authenticate], and a
// context in which they are not read again: what decides who waits, before a request is answered, and what answers it share
// one read. It makes no call for credentials that do not verify. It changes nothing and renews no cookie.
func (a *Authenticator) Resolve(ctx context.Context, credentials Credentials) (context.Context, []Principal, error) {
	all, _ := a.Present(credentials)
	if len(all) == 0 {
		return ctx, nil, nil
	}
	found, err := a.read(ctx, RefsOf(all))
	if err != nil {
		return ctx, nil, err
	}
	resolved := resolution{asked: RefsOf(all), found: found, live: a.Counting(all, maps.Clone(found))}
	return context.WithValue(ctx, resolutionKey{}, resolved), resolved.live, nil
}

// Resolved returns the callers that [Authenticator.Resolve] found for the request of ctx.
func Resolved(ctx context.Context) []Principal {
	resolved, _ := ctx.Value(resolutionKey{}).(resolution)
	return resolved.live
}

// read returns those of the sessions that are there, with their users, and asks the store only for what was not asked before.
func (a *Authenticator) read(ctx context.Context, refs []Ref) (map[Ref]Principal, error) {
	resolved, _ := ctx.Value(resolutionKey{}).(resolution)
	missing := slices.DeleteFunc(slices.Clone(refs), func(ref Ref) bool { return slices.Contains(resolved.asked, ref) })
	if len(missing) == 0 {
		return maps.Clone(resolved.found), nil
	}
	found, err := a.store.ReadSessions(ctx, missing)
	if err != nil {
		return nil, err
	}
	maps.Copy(found, resolved.found)
	return found, nil
}
