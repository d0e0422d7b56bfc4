// An OpenID provider for `make run` and the browser tests: oidc-provider, which others wrote and had certified, with a login page that
// believes everybody. Package infra/local/engine starts it. It is for one machine: it keeps everything in memory and has no passwords.
//
// Settings, all needed: OPENID_PORT on 127.0.0.1, OPENID_CLIENT_ID, OPENID_CLIENT_SECRET and OPENID_REDIRECT_URI.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

import { expiredPage, loginPage, refusalPage } from "./pages.mjs";

const { OPENID_PORT: port, OPENID_CLIENT_ID: clientId, OPENID_CLIENT_SECRET: secret, OPENID_REDIRECT_URI: redirect } = process.env;
const issuer = `http://localhost:${port}`;
const maxForm = 4096; // bytes
const scopes = { email: ["email", "email_verified"], profile: ["name", "given_name", "family_name"] };

const people = new Map(); // claims by subject, as they were typed last

// subject is the same for an address whenever it comes back, after a restart too.
function subject(email) {
  return createHash("sha256").update(email.toLowerCase()).digest("base64url");
}

// signingKey is new at each start, so no key is in the source; relying parties fetch the set again when they miss one.
function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: randomBytes(8).toString("hex") };
}

// grant lets the client have what it asks for: whoever signs in here has consented on the same page.
async function grant(ctx) {
  const { provider, client, session, params } = ctx.oidc;
  const granted = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  granted.addOIDCScope(params.scope);
  await granted.save();
  return granted;
}

const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId,
    client_secret: secret,
    redirect_uris: [redirect],
    token_endpoint_auth_method: "client_secret_post", // one of the two that Google has
  }],
  clientAuthMethods: ["client_secret_post"],
  claims: scopes,
  conformIdTokenClaims: false, // as Google does, and what relying parties without a call to userinfo need
  // No browser returns the session's cookie to this path: each sign-in asks anew, so that one can be many people.
  cookies: { keys: [randomBytes(32).toString("hex")], long: { path: "/never", signed: true }, short: { signed: true } },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  findAccount: (_, id) => (people.has(id) ? { accountId: id, claims: () => ({ sub: id, ...people.get(id) }) } : undefined),
  jwks: { keys: [signingKey()] },
  loadExistingGrant: grant,
  pkce: { required: () => true },
  renderError: (ctx, { error, error_description: description }) => {
    ctx.type = "html";
    ctx.body = refusalPage(error, description);
  },
  responseTypes: ["code"],
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 3600, Session: 3600 },
});

async function readForm(request) {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk;
    if (body.length > maxForm) throw new Error("the form is too long");
  }
  return new URLSearchParams(body);
}

// outcome is what the provider is told of a sent form. People type their names, or their address has to do for one.
function outcome(form) {
  const email = form.get("email")?.trim();
  if (form.has("cancel") || !email) {
    return { error: "access_denied", error_description: "the sign-in was cancelled" };
  }
  const [given, family] = [form.get("given_name")?.trim(), form.get("family_name")?.trim()];
  people.set(subject(email), {
    email,
    email_verified: form.has("verified"),
    name: [given, family].filter(Boolean).join(" ") || email,
    ...(given && { given_name: given }),
    ...(family && { family_name: family }),
  });
  return { login: { accountId: subject(email) } };
}

function show(response, status, page) {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    // A form may lead to where its redirects end, and nothing is loaded.
    "content-security-policy": `default-src 'none'; form-action 'self' ${new URL(redirect).origin}; frame-ancestors 'none'`,
  });
  response.end(page);
}

async function interact(request, response) {
  try {
    const { params } = await provider.interactionDetails(request, response);
    if (request.method !== "POST") {
      show(response, 200, loginPage(params.login_hint));
      return;
    }
    await provider.interactionFinished(request, response, outcome(await readForm(request)));
  } catch (error) {
    show(response, 400, expiredPage(error.message));
  }
}

const others = provider.callback();

createServer((request, response) => (request.url.startsWith("/interaction/") ? interact : others)(request, response))
  .listen(Number(port), "127.0.0.1");
