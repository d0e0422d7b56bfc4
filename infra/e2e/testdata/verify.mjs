// Verifies an access token with jose, using only the address of the discovery document.
//
// usage: node verify.mjs TOKEN DISCOVERY_URL
//
// Prints the claims as JSON. If the token is refused, it ends with the code of the error of jose and exit status 1.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The npm packages of all tests are in infra/local, which an import from here would not search.
const local = createRequire(new URL("../../local/package.json", import.meta.url));
const { createRemoteJWKSet, errors, jwtVerify } = await import(pathToFileURL(local.resolve("jose")));

async function verify(token, discoveryURL) {
  const metadata = await (await fetch(discoveryURL)).json();
  // OpenID Connect Discovery 1.0 §4.3: the issuer is the base address of its document.
  if (discoveryURL !== `${metadata.issuer}/.well-known/openid-configuration`) {
    throw new Error(`the issuer is ${metadata.issuer}`);
  }
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
    algorithms: metadata.id_token_signing_alg_values_supported,
    issuer: metadata.issuer,
    audience: metadata.issuer,
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
