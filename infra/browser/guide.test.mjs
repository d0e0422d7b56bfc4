// The guide's samples for web applications, run by a page of an allowed origin as they are printed, only with the address of this API. The
// others are run by infra/docs. Run by browser_test.go.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { launch, open, register } from "./actors.mjs";

const { ALLOWED_ORIGIN, BASE_URL } = process.env;

// print runs code in the tab's page and returns what it prints.
function print(tab, code) {
  return tab.evaluate(async (code) => {
    const lines = [];
    const AsyncFunction = (async () => {}).constructor;
    await new AsyncFunction("console", code)({ log: (...words) => lines.push(`${words.join(" ")}\n`) });
    return lines.join("");
  }, code);
}

test("the guide's samples for web applications print what it shows", async (t) => {
  const guide = await readFile(new URL("../docs/guide.md", import.meta.url), "utf8");
  const samples = guide.split("\n```js\n").slice(1).filter((text) => !text.startsWith("// ")); // those that name a file are not for browsers
  assert.notEqual(samples.length, 0);
  await register("pythonista");
  const browser = await launch();
  t.after(() => browser.close());
  const tab = await open(await browser.newContext(), ALLOWED_ORIGIN);
  for (const sample of samples) {
    const [code, , shown] = sample.split(/^```.*\n/m);
    assert.equal(await print(tab, code.replaceAll("http://localhost:8000", BASE_URL)), shown);
  }
});
