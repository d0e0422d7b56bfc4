// Tests cookie sessions in a browser. There are three web applications: one with an origin that the API allows, one with another origin
// of the same site, and one of another site. browser_test.go runs this file.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { call, direct, launch, login, open, password, register, sessionCookie, submit, whoami } from "./helpers.mjs";

const { ALLOWED_ORIGIN, SAME_SITE_ORIGIN, CROSS_SITE_ORIGIN } = process.env;

const idleSeconds = 7 * 24 * 3600;
const refused = "Cross-origin request refused";

let browser;
let context; // each test has its own, without cookies
let application; // a tab with the allowed web application

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

test("an application of an allowed origin can sign in a user", async () => {
  assert.equal(await whoami(application), 401);
  assert.deepEqual(await login(application, "alice"), { status: 200, body: { message: "Successfully logged in" } });
  assert.equal(await whoami(application), "alice");
});

test("scripts cannot read the cookie, which lasts a week", async () => {
  await login(application, "alice");
  const { name, path, domain, secure, httpOnly, sameSite, expires } = await sessionCookie(context);
  assert.deepEqual(
    { name, path, domain, secure, httpOnly, sameSite },
    { name: "session_id", path: "/", domain: "localhost", secure: false, httpOnly: true, sameSite: "Lax" },
  );
  const seconds = expires - Date.now() / 1000;
  assert.ok(Math.abs(seconds - idleSeconds) < 60, `got a cookie that expires in ${seconds} s, want ${idleSeconds} s`);
  assert.equal(await application.evaluate(() => document.cookie), "");
});

test("a login replaces an existing cookie", async () => {
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

// Before a request with JSON, the browser sends a preflight, which is refused. A request without a body is simple (Fetch standard, CORS
// protocol): the browser sends it, with the cookie if the site is the same, and only withholds the response from the page.
for (const [site, origin] of [["same-site", SAME_SITE_ORIGIN], ["cross-site", CROSS_SITE_ORIGIN]]) {
  test(`a ${site} script of another origin can read and change nothing`, async () => {
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

// Forms need no permission. Only a form of the same site is sent with the cookie, because of SameSite=Lax. Without a cookie, a logout has
// no session to end.
for (const [site, origin, cookieSent, logoutStatus, logoutDetail] of [
  ["same-site", SAME_SITE_ORIGIN, true, 403, refused],
  ["cross-site", CROSS_SITE_ORIGIN, false, 401, "Authentication required"],
]) {
  test(`a ${site} form of another origin can change nothing`, async () => {
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

test("a preflight permits the allowed origin only", async () => {
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
