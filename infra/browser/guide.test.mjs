// Runs the samples for web applications of the guide in a page of an allowed origin. Only the address of the API is changed. infra/docs
// runs the other samples. browser_test.go runs this file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { launch, open, register } from "./helpers.mjs";

const { ALLOWED_ORIGIN, BASE_URL } = process.env;

// print runs code in the page and returns its output.
function print(tab, code) {
  return tab.evaluate(async (code) => {
    const lines = [];
    const AsyncFunction = (async () => {}).constructor;
    await new AsyncFunction("console", code)({ log: (...words) => lines.push(`${words.join(" ")}\n`) });
    return lines.join("");
  }, code);
}

test("the samples for web applications print the output in the guide", async (t) => {
  const guide = await readFile(new URL("../docs/guide.md", import.meta.url), "utf8");
  const samples = guide.split("\n```js\n").slice(1).filter((text) => !text.startsWith("// ")); // samples with a file name are not for browsers
  assert.notEqual(samples.length, 0);
  await register("pythonista");
  const browser = await launch();
  t.after(() => browser.close());
  const tab = await open(await browser.newContext(), ALLOWED_ORIGIN);
  for (const sample of samples) {
    const [code, , output] = sample.split(/^```.*\n/m);
    assert.equal(await print(tab, code.replaceAll("http://localhost:8000", BASE_URL)), output, code);
  }
});
