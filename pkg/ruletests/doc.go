// Package ruletests tests the packages of rules together, over a real store: account, session, outbox, guard, signin, signup
// and maillink. It contains only tests.
package ruletests
