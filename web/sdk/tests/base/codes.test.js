import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { codeName, codes } from "../../base/codes.js";

const RUST = readFileSync(new URL("../../../../messages/src/codes.rs", import.meta.url), "utf8");

test("every code of the engine has the same name and number in the page", () => {
  const engine = [...RUST.matchAll(/^ {4}([A-Z_]+) = (\d+);$/gm)].map(([, name, code]) => [name, Number(code)]);
  assert.ok(engine.length > 80, `${engine.length} codes`);
  for (const [name, code] of engine) {
    assert.equal(codes[name], code, name);
  }
});

test("each code knows its documented name, and no two codes are one number", () => {
  assert.equal(codeName(1102016), "TOKEN_ERROR");
  assert.equal(codeName(1103053), "PUBLISHER_HTTPS_REQUIRED");
  assert.equal(codeName(42), undefined);
  for (const [name, code] of Object.entries(codes)) {
    assert.equal(codeName(code), name);
  }
});
