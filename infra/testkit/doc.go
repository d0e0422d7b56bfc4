// Package testkit is the test support that several packages share. It contains three small helpers itself: Root,
// Eventually and Buffer. Each package below it serves one kind of test:
//
//   - [latchkey/infra/testkit/enginetest] creates the tables of template.yaml, empty, on a real DynamoDB engine. Use
//     enginetest.Each for the store and for every rule that depends on a condition or a transaction, because it runs
//     the test on both engines. Use enginetest.Dynoxide if one engine is enough, and for assertions about capacity
//     units.
//   - [latchkey/infra/testkit/ssmtest] provides an empty parameter path in an emulated Systems Manager. Use it for
//     code that reads or rotates keys.
//   - [latchkey/infra/testkit/wiretap] records the calls to a DynamoDB engine and makes chosen calls fail. Use it to
//     count calls and capacity units, to list the permissions that a function needs, and to test outages. Put
//     wiretap.New under the SDK of the test's own process, or wiretap.Serve between function processes and the engine.
//   - [latchkey/infra/testkit/githubtest] imitates GitHub. Use it for the GitHub flow and for errors of GitHub's API.
//   - [latchkey/infra/testkit/openidtest] is an OpenID provider whose ID tokens and discovery document a test can make
//     invalid. For valid sign-ins at a conforming provider, use engine.StartOpenID in [latchkey/infra/local/engine].
//   - [latchkey/infra/testkit/standin] is the common base of the last two. Its faults (slow, huge or broken responses)
//     apply to both.
//   - [latchkey/infra/testkit/stacktest] runs the whole product behind a wiretap, with both providers imitated. Use it for
//     end-to-end tests and for measurements of the whole product.
//   - [latchkey/infra/testkit/population] starts an engine that stores many users, up to a million.
//   - [latchkey/infra/testkit/workload] sends each kind of request to the whole product with such an engine. Use it to
//     measure all endpoints.
//   - [latchkey/infra/testkit/httpclient] sends requests to a running Latchkey.
//   - [latchkey/infra/testkit/logquery] evaluates queries and metric filters on log lines.
//
// A helper that only one package uses belongs in that package's helpers_test.go. A test whose emulator is not installed
// fails. It is not skipped, because a skipped test proves nothing.
package testkit
