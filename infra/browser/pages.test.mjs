// Tests the pages behind mailed links. browser_test.go runs this file.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { direct, launch, password, register } from "./helpers.mjs";

const { BASE_URL, MAIL_URL } = process.env;

const json = { "content-type": "application/json" };

let browser;
let context;
let page;
let faults; // console messages, such as violations of the policy, and requests to other origins

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

// A page that works without scripts on a narrow screen works in every browser.
beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  context.setDefaultTimeout(10_000);
  page = await context.newPage();
  faults = [];
  page.on("console", (message) => {
    // The tests check the status of each response themselves.
    if (!message.text().includes("the server responded with a status of 4")) faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(BASE_URL)) faults.push(`request to ${request.url()}`);
  });
});
afterEach(async () => {
  assert.deepEqual(faults, []);
  await context.close();
});

// mailedLink waits for the nth mail to a user and returns its link.
async function mailedLink(username, nth) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { emails } = await (await fetch(`${MAIL_URL}/store`)).json();
    const mails = emails.filter(({ destination }) => destination.to.includes(`${username}@example.com`));
    if (mails.length >= nth) {
      return mails[nth - 1].body.text.match(/http:\/\/localhost:\d+\/account\/\S+/)[0];
    }
    await sleep(100);
  }
  throw new Error(`got no mail ${nth} to ${username} within 10 s`);
}

async function signIn(username, secret) {
  return direct("POST", "/api/auth/login", json, JSON.stringify({ username, password: secret }));
}

async function isVerified(username) {
  const { access_token } = await (await signIn(username, password)).json();
  const me = await direct("GET", "/api/auth/me", { authorization: `Bearer ${access_token}` });
  return (await me.json()).email_verified;
}

// fitsTheScreen reports whether the page needs no horizontal scrolling.
async function fitsTheScreen() {
  const { width } = await page.locator("html").boundingBox();
  const widest = await page.locator("main *").evaluateAll((all) => Math.max(...all.map((e) => e.getBoundingClientRect().right)));
  return width <= 320 && widest <= 320;
}

test("opening the link does not confirm the address, the button does", async () => {
  await register("vera");
  await page.goto(await mailedLink("vera", 1));
  assert.equal(await page.getByRole("heading").innerText(), "Confirm your e-mail address");
  assert.ok(await fitsTheScreen());
  assert.equal(await isVerified("vera"), false);
  await page.getByRole("button", { name: "Confirm e-mail address" }).click();
  assert.equal(await page.getByRole("heading").innerText(), "E-mail address confirmed");
  assert.equal(await isVerified("vera"), true);
});

test("the owner of an address can end a stranger's access", async () => {
  await register("mallory2");
  await page.goto(await mailedLink("mallory2", 1));
  await page.getByRole("button", { name: "This was not me" }).click();
  assert.equal(await page.getByRole("heading").innerText(), "Thank you for telling us");
  assert.equal((await signIn("mallory2", password)).status, 403);
});

test("a new password can be set with the keyboard alone", async () => {
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
