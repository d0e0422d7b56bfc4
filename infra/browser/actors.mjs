// The people and programs of the browser tests: users, the tabs of their browser, and clients that are no browsers.

import { chromium } from "playwright-core";

const { BASE_URL, CHROMIUM } = process.env;

export const password = "SecurePass123!";

// launch starts a browser that can reach this machine only.
export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--disable-sync",
      "--no-proxy-server",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ],
  });
}

// register creates a user of that name, without a browser.
export async function register(username) {
  const user = { username, email: `${username}@example.com`, password };
  const answer = await direct("POST", "/api/auth/register", { "content-type": "application/json" }, JSON.stringify(user));
  if (answer.status !== 201) {
    throw new Error(`registering ${username}: ${answer.status}`);
  }
}

// direct makes a request with the very headers that are given, as a client does that is no browser.
export function direct(method, path, headers, body) {
  return fetch(BASE_URL + path, { method, headers, body });
}

// open is a new tab with the web application of that origin.
export async function open(context, origin) {
  const tab = await context.newPage();
  await tab.goto(origin);
  return tab;
}

// call makes a request by the script of the tab's page, with cookies and with the JSON if there is one. The answer is null if the browser
// keeps it from the page.
export function call(tab, path, body) {
  return tab.evaluate(
    async ({ url, body }) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      try {
        const answer = await fetch(url, { method: "POST", credentials: "include", headers, body });
        return { status: answer.status, body: await answer.json() };
      } catch {
        return null;
      }
    },
    { url: BASE_URL + path, body },
  );
}

// login signs the user in by the script of the tab's page.
export function login(tab, username) {
  return call(tab, "/api/auth/session/login", JSON.stringify({ username, password }));
}

// whoami asks, by the script of the tab's page, who is signed in: a username, or else the status.
export async function whoami(tab) {
  const answer = await call(tab, "/api/auth/me");
  return answer?.status === 200 ? answer.body.username : answer?.status;
}

// submit has the tab's page post the object by a form, for which a page needs no permission, and returns what the browser sent and got.
export async function submit(tab, path, object) {
  const url = BASE_URL + path;
  // A form of type text/plain is sent as name=value. With a member {"":"="} at its end, so is JSON.
  const name = JSON.stringify({ ...object, "": "" }).slice(0, -2);
  const answered = tab.waitForResponse(url);
  await tab.evaluate(
    ({ url, name }) => {
      const form = Object.assign(document.createElement("form"), { method: "POST", enctype: "text/plain", action: url });
      form.append(Object.assign(document.createElement("input"), { name, value: '"}' }));
      document.body.append(form);
      form.submit();
    },
    { url, name },
  );
  const answer = await answered;
  const sent = await answer.request().allHeaders();
  return { status: answer.status(), detail: (await answer.json()).detail, site: sent["sec-fetch-site"], cookie: sent.cookie ?? "" };
}

// sessionCookie is what the browser keeps for the API, or undefined.
export async function sessionCookie(context) {
  return (await context.cookies(BASE_URL)).find(({ name }) => name === "session_id");
}
