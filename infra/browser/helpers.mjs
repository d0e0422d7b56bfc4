// Helpers of the browser tests: users, the tabs of their browser, and requests without a browser.

import { chromium } from "playwright-core";

const { BASE_URL, CHROMIUM } = process.env;

export const password = "SecurePass123!";

// launch starts a browser that can reach only this machine.
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

// register registers a user without a browser.
export async function register(username) {
  const user = { username, email: `${username}@example.com`, password };
  const response = await direct("POST", "/api/auth/register", { "content-type": "application/json" }, JSON.stringify(user));
  if (response.status !== 201) {
    throw new Error(`registering ${username}: got ${response.status}, want 201`);
  }
}

// direct makes a request without a browser, with exactly the given headers.
export function direct(method, path, headers, body) {
  return fetch(BASE_URL + path, { method, headers, body });
}

// open returns a new tab with the web application of an origin.
export async function open(context, origin) {
  const tab = await context.newPage();
  await tab.goto(origin);
  return tab;
}

// call makes a request from a script of the page, with cookies and with a JSON body if there is one. It returns null if the browser
// withholds the response from the page.
export function call(tab, path, body) {
  return tab.evaluate(
    async ({ url, body }) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      try {
        const response = await fetch(url, { method: "POST", credentials: "include", headers, body });
        return { status: response.status, body: await response.json() };
      } catch {
        return null;
      }
    },
    { url: BASE_URL + path, body },
  );
}

// login signs a user in from a script of the page.
export function login(tab, username) {
  return call(tab, "/api/auth/session/login", JSON.stringify({ username, password }));
}

// whoami returns the name of the signed-in user, or the status of the request, which a script of the page makes.
export async function whoami(tab) {
  const response = await call(tab, "/api/auth/me");
  return response?.status === 200 ? response.body.username : response?.status;
}

// submit posts an object with a form of the page, for which a page needs no permission. It returns parts of the request and the response.
export async function submit(tab, path, object) {
  const url = BASE_URL + path;
  // A form of the type text/plain is sent as name=value. With the member {"":"="} at the end, this is JSON.
  const name = JSON.stringify({ ...object, "": "" }).slice(0, -2);
  const responded = tab.waitForResponse(url);
  await tab.evaluate(
    ({ url, name }) => {
      const form = Object.assign(document.createElement("form"), { method: "POST", enctype: "text/plain", action: url });
      form.append(Object.assign(document.createElement("input"), { name, value: '"}' }));
      document.body.append(form);
      form.submit();
    },
    { url, name },
  );
  const response = await responded;
  const headers = await response.request().allHeaders();
  return {
    status: response.status(),
    detail: (await response.json()).detail,
    site: headers["sec-fetch-site"],
    cookie: headers.cookie ?? "",
  };
}

// sessionCookie returns the session cookie of the API that the browser stores, or undefined.
export async function sessionCookie(context) {
  return (await context.cookies(BASE_URL)).find(({ name }) => name === "session_id");
}
