// An OpenID provider for `make run` and the browser tests. It is oidc-provider, a certified implementation, with a login
// page that accepts any address without a password. It keeps everything in memory. Package infra/local/engine starts it.
//
// It requires the variables OPENID_PORT (on 127.0.0.1), OPENID_CLIENT_ID, OPENID_CLIENT_SECRET and OPENID_REDIRECT_URI.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

import { expiredPage, loginPage, refusalPage } from "./pages.mjs";

const { OPENID_PORT: port, OPENID_CLIENT_ID: clientId, OPENID_CLIENT_SECRET: secret, OPENID_REDIRECT_URI: redirect } = process.env;
const issuer = `http://localhost:${port}`;
const maxForm = 4096; // bytes
const scopes = { email: ["email", "email_verified"], profile: ["name", "given_name", "family_name"] };

const accounts = new Map(); // claims by subject, from the latest login form

// subject derives the subject from the address, so that it is the same after a restart.
function subject(email) {
  return createHash("sha256").update(email.toLowerCase()).digest("base64url");
}

// signingKey generates a key at each start, so that the source contains none. Relying parties fetch the key set again when
// it lacks the key of a token.
function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: randomBytes(8).toString("hex") };
}

// grantScopes grants the client all requested scopes, because a sign-in on the login page implies consent.
async function grantScopes(ctx) {
  const { provider, client, session, params } = ctx.oidc;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
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
  conformIdTokenClaims: false, // the ID token has the claims of all scopes, as at Google
  // The session cookie has a path that no request uses, so each sign-in shows the form and can use another account.
  cookies: { keys: [randomBytes(32).toString("hex")], long: { path: "/never", signed: true }, short: { signed: true } },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  findAccount: (_, id) => (accounts.has(id) ? { accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) } : undefined),
  jwks: { keys: [signingKey()] },
  loadExistingGrant: grantScopes,
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

// outcome returns the result of a login form, for the provider. Without names, the address becomes the name.
function outcome(form) {
  const email = form.get("email")?.trim();
  if (form.has("cancel") || !email) {
    return { error: "access_denied", error_description: "the sign-in was cancelled" };
  }
  const [given, family] = [form.get("given_name")?.trim(), form.get("family_name")?.trim()];
  accounts.set(subject(email), {
    email,
    email_verified: form.has("verified"),
    name: [given, family].filter(Boolean).join(" ") || email,
    ...(given && { given_name: given }),
    ...(family && { family_name: family }),
  });
  return { login: { accountId: subject(email) } };
}

function sendPage(response, status, page) {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    // form-action must also allow the target of the redirect that follows the form.
    "content-security-policy": `default-src 'none'; form-action 'self' ${new URL(redirect).origin}; frame-ancestors 'none'`,
  });
  response.end(page);
}

async function interact(request, response) {
  try {
    const { params } = await provider.interactionDetails(request, response);
    if (request.method !== "POST") {
      sendPage(response, 200, loginPage(params.login_hint));
      return;
    }
    await provider.interactionFinished(request, response, outcome(await readForm(request)));
  } catch (error) {
    sendPage(response, 400, expiredPage(error.message));
  }
}

const protocol = provider.callback();

createServer((request, response) => (request.url.startsWith("/interaction/") ? interact : protocol)(request, response))
  .listen(Number(port), "127.0.0.1");
