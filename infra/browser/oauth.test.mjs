// Tests the sign-in at an OpenID provider: the local one that `make run` uses in place of Google. browser_test.go runs this file.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { direct, launch } from "./helpers.mjs";

const { BASE_URL } = process.env;
const start = "/api/auth/oauth/google";

let browser;
let context;
let page;
let consoleMessages; // for example, violations of a policy and failed requests

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false });
  context.setDefaultTimeout(20_000);
  consoleMessages = [];
  page = await newTab();
});
afterEach(async () => {
  assert.deepEqual(consoleMessages, []);
  await context.close();
});

async function newTab() {
  const tab = await context.newPage();
  tab.on("console", (message) => {
    // The tests check the status of each response themselves.
    if (!message.text().includes("the server responded with a status of 4")) consoleMessages.push(message.text());
  });
  return tab;
}

// signIn fills in the form of the provider and returns the response of the callback.
async function signIn(tab, email, { verified = true, names = [] } = {}) {
  await tab.getByLabel("E-mail address").fill(email);
  await tab.getByLabel("First name").fill(names[0] ?? "");
  await tab.getByLabel("Last name").fill(names[1] ?? "");
  await tab.getByLabel("The address is verified").setChecked(verified);
  return submit(tab, "Sign in");
}

// submit clicks a button and returns the response of the callback, as the tab displays it.
async function submit(tab, button) {
  const responded = tab.waitForResponse((response) => response.url().startsWith(`${BASE_URL}${start}/callback?`));
  await tab.getByRole("button", { name: button, exact: true }).click();
  const response = await responded;
  await tab.waitForLoadState();
  return { status: response.status(), url: response.url(), body: JSON.parse(await tab.locator("body").innerText()) };
}

async function whoami({ access_token: token }) {
  return (await direct("GET", "/api/auth/me", { authorization: `Bearer ${token}` })).json();
}

test("a sign-in at the provider returns tokens", async () => {
  await page.goto(BASE_URL + start);
  assert.equal(await page.getByRole("heading").innerText(), "Local sign-in");
  const { status, body } = await signIn(page, "grace.hopper@example.com", { names: ["Grace", "Hopper"] });
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body).sort(), ["access_token", "expires_in", "refresh_token", "token_type"]);
  const { username, email, first_name, last_name, email_verified, oauth_provider } = await whoami(body);
  assert.deepEqual(
    { username, email, first_name, last_name, email_verified, oauth_provider },
    {
      username: "grace.hopper",
      email: "grace.hopper@example.com",
      first_name: "Grace",
      last_name: "Hopper",
      email_verified: true,
      oauth_provider: "google",
    },
  );
});

test("in one browser, each address is its own user", async () => {
  const users = [];
  for (const email of ["ada@example.com", "bob@example.com", "ada@example.com"]) {
    await page.goto(BASE_URL + start);
    users.push((await whoami((await signIn(page, email)).body)).id);
  }
  assert.equal(users[0], users[2]);
  assert.notEqual(users[0], users[1]);
});

test("two tabs can sign in at the same time", async () => {
  const tabs = [page, await newTab()];
  for (const tab of tabs) await tab.goto(BASE_URL + start);
  for (const [i, tab] of tabs.entries()) {
    const { status, body } = await signIn(tab, `tab${i}@example.com`);
    assert.equal(status, 200);
    assert.equal((await whoami(body)).email, `tab${i}@example.com`);
  }
});

test("a canceled sign-in is refused", async () => {
  await page.goto(BASE_URL + start);
  const { status, body } = await submit(page, "Cancel");
  assert.equal(status, 403);
  assert.equal(body.detail, "OAuth authentication failed");
});

test("an address that the provider has not verified creates no account", async () => {
  await page.goto(BASE_URL + start);
  const { status, body } = await signIn(page, "unverified@example.com", { verified: false });
  assert.equal(status, 403);
  assert.equal(body.code, "oauth_email_required");
});

// The flow of the guide's Python sample: the client holds the cookie, and the browser, which does not, reaches the callback first.
test("a client that keeps its cookie can finish a sign-in that a browser made for it", async () => {
  const started = await fetch(BASE_URL + start, { redirect: "manual" });
  const cookie = started.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await page.goto(started.headers.get("location"));
  const { status, body, url } = await signIn(page, "sample@example.com");
  assert.equal(status, 403);
  assert.equal(body.detail, "Invalid OAuth state");
  const finished = await direct("GET", url.slice(BASE_URL.length), { cookie });
  assert.equal(finished.status, 200);
  assert.equal((await whoami(await finished.json())).email, "sample@example.com");
});
