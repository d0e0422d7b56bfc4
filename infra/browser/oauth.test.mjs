// Sign-in at an OpenID provider, the local one that `make run` has in the place of Google. Run by browser_test.go, which says where the API
// is.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { direct, launch } from "./actors.mjs";

const { BASE_URL } = process.env;
const start = "/api/auth/oauth/google";

let browser;
let context;
let page;
let complaints; // what the browser says of the provider's page: a broken policy, something that could not be loaded

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false });
  context.setDefaultTimeout(20_000);
  complaints = [];
  page = await newTab();
});
afterEach(async () => {
  assert.deepEqual(complaints, []);
  await context.close();
});

async function newTab() {
  const tab = await context.newPage();
  tab.on("console", (message) => {
    if (!message.text().includes("the server responded with a status of 4")) complaints.push(message.text()); // the test knows it
  });
  return tab;
}

// signIn fills in the provider's page, where the tab is, and returns what the callback answers, as the tab shows it.
async function signIn(tab, email, { verified = true, names = [] } = {}) {
  await tab.getByLabel("E-mail address").fill(email);
  await tab.getByLabel("First name").fill(names[0] ?? "");
  await tab.getByLabel("Last name").fill(names[1] ?? "");
  await tab.getByLabel("The address is verified").setChecked(verified);
  return arrive(tab, "Sign in");
}

async function arrive(tab, button) {
  const answered = tab.waitForResponse((answer) => answer.url().startsWith(`${BASE_URL}${start}/callback?`));
  await tab.getByRole("button", { name: button, exact: true }).click();
  const answer = await answered;
  await tab.waitForLoadState();
  return { status: answer.status(), url: answer.url(), body: JSON.parse(await tab.locator("body").innerText()) };
}

async function whoami({ access_token: token }) {
  return (await direct("GET", "/api/auth/me", { authorization: `Bearer ${token}` })).json();
}

test("a person signs in at the provider and comes back to tokens", async () => {
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

test("an address is the same user next time, and another address another, from the same browser", async () => {
  const users = [];
  for (const email of ["ada@example.com", "bob@example.com", "ada@example.com"]) {
    await page.goto(BASE_URL + start);
    users.push((await whoami((await signIn(page, email)).body)).id);
  }
  assert.equal(users[0], users[2]);
  assert.notEqual(users[0], users[1]);
});

test("two tabs sign in at once", async () => {
  const tabs = [page, await newTab()];
  for (const tab of tabs) await tab.goto(BASE_URL + start);
  for (const [i, tab] of tabs.entries()) {
    const { status, body } = await signIn(tab, `tab${i}@example.com`);
    assert.equal(status, 200);
    assert.equal((await whoami(body)).email, `tab${i}@example.com`);
  }
});

test("who cancels is told so, and is nobody", async () => {
  await page.goto(BASE_URL + start);
  const { status, body } = await arrive(page, "Cancel");
  assert.equal(status, 403);
  assert.equal(body.detail, "OAuth authentication failed");
});

test("an address that the provider has not verified makes no account", async () => {
  await page.goto(BASE_URL + start);
  const { status, body } = await signIn(page, "unverified@example.com", { verified: false });
  assert.equal(status, 403);
  assert.equal(body.code, "oauth_email_required");
});

// The guide's Python sample: the client has the cookie, the browser has not, and comes to the callback first.
test("a client that keeps its cookie finishes what a browser signed in for it", async () => {
  const begun = await fetch(BASE_URL + start, { redirect: "manual" });
  const cookie = begun.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await page.goto(begun.headers.get("location"));
  const { status, body, url } = await signIn(page, "sample@example.com");
  assert.equal(status, 403);
  assert.equal(body.detail, "Invalid OAuth state");
  const finished = await direct("GET", url.slice(BASE_URL.length), { cookie });
  assert.equal(finished.status, 200);
  assert.equal((await whoami(await finished.json())).email, "sample@example.com");
});
