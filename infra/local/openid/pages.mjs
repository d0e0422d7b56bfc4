// The pages of the local OpenID provider: plain HTML that needs no scripts and loads nothing.

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

// loginPage asks who signs in, and believes it. The hint, if any, is the address that the application expects.
export function loginPage(hint) {
  return page("Local sign-in", `<p>This OpenID provider runs on your machine, in the place of Google. It believes any address.</p>
<form method="post">
<p><label>E-mail address<br><input type="email" name="email" value="${escape(hint)}" autocomplete="email" required autofocus></label></p>
<p><label>First name (optional)<br><input name="given_name" maxlength="150" autocomplete="given-name"></label></p>
<p><label>Last name (optional)<br><input name="family_name" maxlength="150" autocomplete="family-name"></label></p>
<p><label><input type="checkbox" name="verified" checked> The address is verified</label></p>
<p><button>Sign in</button> <button name="cancel" value="1" formnovalidate>Cancel</button></p>
</form>`);
}

// expiredPage answers a form or link whose sign-in is over, was begun in another browser, or before a restart.
export function expiredPage(reason) {
  return page("This sign-in is over", `<p>Start again from the application. (${escape(reason)})</p>`);
}

// refusalPage answers an application whose request cannot be trusted, so that there is nowhere to go back to.
export function refusalPage(error, description) {
  return page("The application's request is refused", `<p>${escape(error)}: ${escape(description)}</p>`);
}
