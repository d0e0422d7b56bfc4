// The pages behind the links in mails, as people see them. Run by browser_test.go, which says where the API and the inbox are.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { direct, launch, password, register } from "./actors.mjs";

const { BASE_URL, MAIL_URL } = process.env;

const json = { "content-type": "application/json" };

let browser;
let context;
let page;
let complaints; // what the browser says of the page: a broken policy, something that could not be loaded

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

// No scripts, and the narrowest screen: what works here works anywhere.
beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  context.setDefaultTimeout(10_000);
  page = await context.newPage();
  complaints = [];
  page.on("console", (message) => {
    if (!message.text().includes("the server responded with a status of 4")) complaints.push(message.text()); // the test knows it
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(BASE_URL)) complaints.push(`loads ${request.url()}`);
  });
});
afterEach(async () => {
  assert.deepEqual(complaints, []);
  await context.close();
});

// mailedLink waits for the nth mail to the user and returns the link in it.
async function mailedLink(username, nth) {
  for (let tries = 0; tries < 100; tries++) {
    const { emails } = await (await fetch(`${MAIL_URL}/store`)).json();
    const mails = emails.filter(({ destination }) => destination.to.includes(`${username}@example.com`));
    if (mails.length >= nth) {
      return mails[nth - 1].body.text.match(/http:\/\/localhost:\d+\/account\/\S+/)[0];
    }
    await sleep(100);
  }
  throw new Error(`mail ${nth} to ${username} has not come`);
}

async function signIn(username, secret) {
  return direct("POST", "/api/auth/login", json, JSON.stringify({ username, password: secret }));
}

async function verified(username) {
  const { access_token } = await (await signIn(username, password)).json();
  const me = await direct("GET", "/api/auth/me", { authorization: `Bearer ${access_token}` });
  return (await me.json()).email_verified;
}

async function fitsTheScreen() {
  const { width } = await page.locator("html").boundingBox();
  const widest = await page.locator("main *").evaluateAll((all) => Math.max(...all.map((e) => e.getBoundingClientRect().right)));
  return width <= 320 && widest <= 320;
}

test("opening the link confirms nothing, pressing the button does", async () => {
  await register("vera");
  await page.goto(await mailedLink("vera", 1));
  assert.equal(await page.getByRole("heading").innerText(), "Confirm your e-mail address");
  assert.ok(await fitsTheScreen());
  assert.equal(await verified("vera"), false);
  await page.getByRole("button", { name: "Confirm e-mail address" }).click();
  assert.equal(await page.getByRole("heading").innerText(), "E-mail address confirmed");
  assert.equal(await verified("vera"), true);
});

test("the owner of an address gets rid of a stranger's account", async () => {
  await register("mallory2");
  await page.goto(await mailedLink("mallory2", 1));
  await page.getByRole("button", { name: "This was not me" }).click();
  assert.equal(await page.getByRole("heading").innerText(), "Thank you for telling us");
  assert.equal((await signIn("mallory2", password)).status, 403);
});

test("a new password is set with the keyboard alone", async () => {
  await register("rosa");
  await mailedLink("rosa", 1);
  await direct("POST", "/api/auth/forgot-password", json, JSON.stringify({ email: "rosa@example.com" }));
  await page.goto(await mailedLink("rosa", 2));
  assert.ok(await fitsTheScreen());

  await page.keyboard.press("Tab");
  await page.keyboard.type("password123");
  await page.keyboard.press("Enter");
  assert.match(await page.getByRole("alert").innerText(), /common/);
  assert.ok(await fitsTheScreen());

  await page.getByLabel("New password").fill("NewSecurePass456!");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Password changed" }).waitFor();
  assert.equal((await signIn("rosa", password)).status, 403);
  assert.equal((await signIn("rosa", "NewSecurePass456!")).status, 200);

  await page.goto(await mailedLink("rosa", 2));
  assert.equal(await page.getByRole("heading").innerText(), "This link cannot be used");
});
