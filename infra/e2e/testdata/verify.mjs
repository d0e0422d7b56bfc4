// Verifies an access token with jose, knowing nothing but the address of the discovery document.
//
// usage: node verify.mjs TOKEN DISCOVERY_URL
//
// Prints the claims as JSON. A token that is refused ends it with the code of jose's error and exit status 1.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The npm packages of all tests are in one place, where an import from here would not look.
const local = createRequire(new URL("../../local/package.json", import.meta.url));
const { createRemoteJWKSet, errors, jwtVerify } = await import(pathToFileURL(local.resolve("jose")));

async function verify(token, discoveryURL) {
  const found = await (await fetch(discoveryURL)).json();
  // OpenID Connect Discovery 1.0 §4.3: the issuer is where its document was found.
  if (discoveryURL !== `${found.issuer}/.well-known/openid-configuration`) {
    throw new Error(`the issuer is ${found.issuer}`);
  }
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(found.jwks_uri)), {
    algorithms: found.id_token_signing_alg_values_supported,
    issuer: found.issuer,
    audience: found.issuer,
    requiredClaims: ["iss", "sub", "aud", "exp", "iat", "jti"],
  });
  return payload;
}

try {
  console.log(JSON.stringify(await verify(...process.argv.slice(2))));
} catch (refusal) {
  if (!(refusal instanceof errors.JOSEError)) {
    throw refusal;
  }
  console.error(refusal.code);
  process.exitCode = 1;
}
