package ruletests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/pkg/fault"
	"latchkey/pkg/session"
)

// modelRuns is the number of random sequences. Each step makes several calls to a real engine. The flag -rapid.checks sets another
// number.
const modelRuns = "30"

func init() {
	if err := flag.Set("rapid.checks", modelRuns); err != nil {
		panic(err)
	}
}

// TestSessionsAgainstTheModel runs the rules over the real store through random sequences, and compares each response with a small
// model of the state machine in pkg/session/refresh.go.
func TestSessionsAgainstTheModel(t *testing.T) {
	f := newFixture(t)
	users := 0
	rapid.Check(t, func(rt *rapid.T) {
		users++
		m := newMachine(rt, f, t, fmt.Sprintf("user%d", users))
		rt.Repeat(map[string]func(*rapid.T){
			"login":              m.login,
			"refresh":            m.refresh,
			"lose a response":    m.refreshLosingTheResponse,
			"parallel refresh":   m.parallelRefresh,
			"present an old one": m.presentOld,
			"logout":             m.logout,
			"raise the epoch":    m.raiseEpoch,
			"let time pass":      m.letTimePass,
			"":                   m.check,
		})
	})
}

// modelSession is a session in the model.
type modelSession struct {
	pairs   []session.Pair // one for each generation; the last one is current
	renewed time.Time
	expires time.Time
	end     time.Time
	epoch   int
	ended   bool
}

// machine holds the model and the fixture of one sequence.
type machine struct {
	ctx      context.Context
	f        *fixture
	t        *testing.T
	name     string
	epoch    int
	sessions []*modelSession
}

func newMachine(rt *rapid.T, f *fixture, t *testing.T, name string) *machine {
	m := &machine{ctx: t.Context(), f: f, t: t, name: name}
	pair, err := f.registrar().Register(m.ctx, registration(name, name+"@example.com"))
	if err != nil {
		rt.Fatal(err)
	}
	m.addSession(pair)
	return m
}

func (m *machine) addSession(pair session.Pair) {
	second := m.f.clock.Truncate(time.Second)
	m.sessions = append(m.sessions, &modelSession{
		pairs: []session.Pair{pair}, renewed: m.f.clock, epoch: m.epoch,
		expires: second.Add(m.f.lives.Refresh), end: second.Add(m.f.lives.SessionMax),
	})
}

func (m *machine) live(s *modelSession) bool {
	return !s.ended && s.epoch == m.epoch && m.f.clock.Before(s.expires) && m.f.clock.Before(s.end)
}

func (m *machine) draw(rt *rapid.T) *modelSession {
	return m.sessions[rapid.IntRange(0, len(m.sessions)-1).Draw(rt, "session")]
}

func (m *machine) login(rt *rapid.T) {
	pair, err := m.f.passwordLogin(m.ctx, m.name, goodPassword)
	if err != nil {
		rt.Fatal(err)
	}
	m.addSession(pair)
}

// present exchanges the refresh token of a generation and compares the response with the model.
func (m *machine) present(rt *rapid.T, s *modelSession, generation int) {
	got, err := m.f.refresher().Refresh(m.ctx, s.pairs[generation].Refresh)
	current := len(s.pairs) - 1
	switch {
	case !m.live(s):
		m.checkRefused(rt, err)
	case generation == current:
		m.checkAccepted(rt, err)
		s.pairs = append(s.pairs, got)
		s.renewed = m.f.clock
		s.expires = m.f.clock.Truncate(time.Second).Add(m.f.lives.Refresh)
	case generation == current-1 && !m.f.clock.After(s.renewed.Add(m.f.lives.Grace)):
		m.checkAccepted(rt, err)
		m.checkSame(rt, got, s.pairs[current])
	default:
		m.checkRefused(rt, err)
		s.ended = true
	}
}

func (m *machine) refresh(rt *rapid.T) {
	s := m.draw(rt)
	m.present(rt, s, len(s.pairs)-1)
}

func (m *machine) presentOld(rt *rapid.T) {
	s := m.draw(rt)
	m.present(rt, s, rapid.IntRange(0, len(s.pairs)-1).Draw(rt, "generation"))
}

func (m *machine) refreshLosingTheResponse(rt *rapid.T) {
	m.f.loseNextResponse("UpdateItem")
	m.refresh(rt)
	m.f.tap.Reset()
}

func (m *machine) parallelRefresh(rt *rapid.T) {
	s := m.draw(rt)
	token := s.pairs[len(s.pairs)-1].Refresh
	live := m.live(s)
	pairs, errs := make([]session.Pair, 4), make([]error, 4)
	var all sync.WaitGroup
	for i := range pairs {
		all.Go(func() { pairs[i], errs[i] = m.f.refresher().Refresh(m.ctx, token) })
	}
	all.Wait()
	for i := range pairs {
		if !live {
			m.checkRefused(rt, errs[i])
			continue
		}
		m.checkAccepted(rt, errs[i])
		m.checkSame(rt, pairs[i], pairs[0])
	}
	if live {
		s.pairs = append(s.pairs, pairs[0])
		s.renewed = m.f.clock
		s.expires = m.f.clock.Truncate(time.Second).Add(m.f.lives.Refresh)
	}
}

func (m *machine) logout(rt *rapid.T) {
	s := m.draw(rt)
	token := s.pairs[rapid.IntRange(0, len(s.pairs)-1).Draw(rt, "generation")].Refresh
	err := m.f.logOut(m.ctx, session.Credentials{}, token)
	if !m.live(s) {
		if !errors.Is(err, session.ErrAuthenticationRequired) {
			rt.Fatalf("the logout of an ended session: got the error %v, want %v", err, session.ErrAuthenticationRequired)
		}
		return
	}
	m.checkAccepted(rt, err)
	s.ended = true
}

func (m *machine) raiseEpoch(*rapid.T) {
	m.epoch++
	m.f.setUser(m.t, m.name, attributes{"epoch": number(fmt.Sprint(m.epoch))})
}

func (m *machine) letTimePass(rt *rapid.T) {
	step := rapid.SampledFrom([]time.Duration{
		time.Millisecond, time.Second, m.f.lives.Grace, m.f.lives.Grace + time.Millisecond, m.f.lives.Access, m.f.lives.Refresh - time.Second,
		m.f.lives.Refresh,
	}).Draw(rt, "step")
	m.f.clock = m.f.clock.Add(step)
}

// check checks for each session that the access token of its current generation is accepted exactly while the session is live and
// the token has not expired.
func (m *machine) check(rt *rapid.T) {
	for i, s := range m.sessions {
		pair := s.pairs[len(s.pairs)-1]
		expires := s.renewed.Truncate(time.Second).Add(m.f.lives.Access)
		want := m.live(s) && m.f.clock.Before(expires)
		_, err := m.f.admit(m.ctx, session.Credentials{Access: pair.Access})
		if got := err == nil; got != want {
			rt.Fatalf("the access token of session %d: got accepted: %v, want %v (%v)", i, got, want, err)
		}
	}
}

func (m *machine) checkAccepted(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatalf("a permitted request: got the error %v, want none", err)
	}
}

func (m *machine) checkRefused(rt *rapid.T, err error) {
	if !errors.Is(err, session.ErrInvalidRefreshToken) || errors.Is(err, fault.ServiceUnavailable) {
		rt.Fatalf("a forbidden request: got the error %v, want %v", err, session.ErrInvalidRefreshToken)
	}
}

// checkSame checks that two responses for one generation contain the same pair.
func (m *machine) checkSame(rt *rapid.T, got, want session.Pair) {
	gotClaims, gotErr := m.f.authority.VerifyAccess(got.Access.Reveal(), m.f.clock)
	wantClaims, wantErr := m.f.authority.VerifyAccess(want.Access.Reveal(), m.f.clock)
	if got.Refresh != want.Refresh || gotClaims != wantClaims || gotErr != nil || wantErr != nil {
		rt.Fatalf("the pairs of one generation: got %+v (%v), want %+v (%v)", gotClaims, gotErr, wantClaims, wantErr)
	}
}
