// The pages of the local OpenID provider, in plain HTML without scripts or external resources.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escape(text) {
  return String(text ?? "").replace(/[&<>"']/g, (character) => escapes[character]);
}

function page(title, body) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

// loginPage returns the login form, which needs no password. hint is the address that the application expects, if any.
export function loginPage(hint) {
  return page("Local sign-in", `<p>This OpenID provider runs on your machine in place of Google. It accepts any address without a password.</p>
<form method="post">
<p><label>E-mail address<br><input type="email" name="email" value="${escape(hint)}" autocomplete="email" required autofocus></label></p>
<p><label>First name (optional)<br><input name="given_name" maxlength="150" autocomplete="given-name"></label></p>
<p><label>Last name (optional)<br><input name="family_name" maxlength="150" autocomplete="family-name"></label></p>
<p><label><input type="checkbox" name="verified" checked> The address is verified</label></p>
<p><button>Sign in</button> <button name="cancel" value="1" formnovalidate>Cancel</button></p>
</form>`);
}

// expiredPage returns the page for a sign-in that has ended, belongs to another browser, or began before a restart.
export function expiredPage(reason) {
  return page("This sign-in has ended", `<p>Start again from the application. (${escape(reason)})</p>`);
}

// refusalPage returns the page for an invalid authorization request whose redirect URI cannot be trusted.
export function refusalPage(error, description) {
  return page("Invalid request from the application", `<p>${escape(error)}: ${escape(description)}</p>`);
}
