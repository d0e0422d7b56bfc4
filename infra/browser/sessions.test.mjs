// Cookie sessions as a browser sees them. Run by browser_test.go, which says where the API and the web applications are: one of an
// origin that the API allows, one beside it that it does not, and one of another site.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { call, direct, launch, login, open, password, register, sessionCookie, submit, whoami } from "./actors.mjs";

const { ALLOWED_ORIGIN, SAME_SITE_ORIGIN, CROSS_SITE_ORIGIN } = process.env;

const idleSeconds = 7 * 24 * 3600;
const refused = "Cross-origin request refused";

let browser;
let context; // a browser without cookies for each test
let application; // a tab of it with the web application that is allowed

before(async () => {
  await Promise.all(["alice", "mallory"].map(register));
  browser = await launch();
});
after(() => browser?.close());

beforeEach(async () => {
  context = await browser.newContext();
  context.setDefaultTimeout(10_000);
  application = await open(context, ALLOWED_ORIGIN);
});
afterEach(() => context.close());

test("an application of an allowed origin signs its user in", async () => {
  assert.equal(await whoami(application), 401);
  assert.deepEqual(await login(application, "alice"), { status: 200, body: { message: "Successfully logged in" } });
  assert.equal(await whoami(application), "alice");
});

test("the cookie is out of reach of scripts and lives for a week", async () => {
  await login(application, "alice");
  const { name, path, domain, secure, httpOnly, sameSite, expires } = await sessionCookie(context);
  assert.deepEqual(
    { name, path, domain, secure, httpOnly, sameSite },
    { name: "session_id", path: "/", domain: "localhost", secure: false, httpOnly: true, sameSite: "Lax" },
  );
  assert.ok(Math.abs(expires - Date.now() / 1000 - idleSeconds) < 60, `expires in ${expires - Date.now() / 1000} s`);
  assert.equal(await application.evaluate(() => document.cookie), "");
});

test("a login replaces the cookie that was there", async () => {
  await login(application, "mallory");
  const planted = await sessionCookie(context);
  await login(application, "alice");
  assert.notEqual((await sessionCookie(context)).value, planted.value);
  assert.equal(await whoami(application), "alice");
});

test("logout ends the session and removes the cookie", async () => {
  await login(application, "alice");
  const { value } = await sessionCookie(context);
  const replay = async () => (await direct("POST", "/api/auth/me", { cookie: `session_id=${value}` })).status;
  assert.equal(await replay(), 200);
  assert.deepEqual(await call(application, "/api/auth/session/logout"), {
    status: 200,
    body: { message: "Successfully logged out" },
  });
  assert.equal(await sessionCookie(context), undefined);
  assert.equal(await whoami(application), 401);
  assert.equal(await replay(), 401);
});

// Before it sends JSON, the browser asks, and is refused. A request without a body is simple (Fetch standard, CORS protocol): it is sent,
// to the same site with the cookie, and only the answer is kept from the page.
for (const [site, origin] of [["same-site", SAME_SITE_ORIGIN], ["cross-site", CROSS_SITE_ORIGIN]]) {
  test(`a script of another origin, ${site}, learns and changes nothing`, async () => {
    await login(application, "alice");
    const { value } = await sessionCookie(context);
    const other = await open(context, origin);
    assert.equal(await login(other, "mallory"), null);
    for (const body of [undefined, "{}"]) {
      assert.equal(await call(other, "/api/auth/me", body), null);
      assert.equal(await call(other, "/api/auth/session/logout", body), null);
    }
    assert.equal((await sessionCookie(context)).value, value);
    assert.equal(await whoami(application), "alice");
  });
}

// Forms need no permission. Only the same site's form travels with the cookie, since it is SameSite=Lax; without one there is nothing
// to defend at logout, and nobody is signed in.
for (const [site, origin, cookieSent, logoutStatus, logoutDetail] of [
  ["same-site", SAME_SITE_ORIGIN, true, 403, refused],
  ["cross-site", CROSS_SITE_ORIGIN, false, 401, "Authentication required"],
]) {
  test(`a form of another origin, ${site}, changes nothing`, async () => {
    await login(application, "alice");
    const { value } = await sessionCookie(context);
    for (const [path, object, status, detail] of [
      ["/api/auth/session/login", { username: "mallory", password }, 403, refused],
      ["/api/auth/session/logout", {}, logoutStatus, logoutDetail],
    ]) {
      const got = await submit(await open(context, origin), path, object);
      const expected = { status, detail, site, cookie: cookieSent };
      assert.deepEqual({ ...got, cookie: got.cookie.includes(`session_id=${value}`) }, expected, path);
    }
    assert.equal((await sessionCookie(context)).value, value);
    assert.equal(await whoami(application), "alice");
  });
}

test("a preflight gives leave to the allowed origin only", async () => {
  for (const path of ["/api/auth/session/login", "/api/auth/session/logout", "/api/auth/me"]) {
    for (const origin of [ALLOWED_ORIGIN, SAME_SITE_ORIGIN, CROSS_SITE_ORIGIN, "null"]) {
      const { headers } = await direct("OPTIONS", path, {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      });
      const allowed = origin === ALLOWED_ORIGIN;
      assert.equal(headers.get("access-control-allow-origin"), allowed ? origin : null, `${path} from ${origin}`);
      assert.equal(headers.get("access-control-allow-credentials"), allowed ? "true" : null, `${path} from ${origin}`);
    }
  }
});
