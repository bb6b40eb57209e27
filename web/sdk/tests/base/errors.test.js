import assert from "node:assert/strict";
import test from "node:test";

import { ZegoError } from "../../base/errors.js";

test("an error has every documented shape at once, also as JSON and spread", () => {
  const error = new ZegoError(1102016, "the token is no token04");
  const text = "the token is no token04";
  const shapes = { code: 1102016, msg: text, message: text, errorCode: 1102016, extendedData: text };
  for (const seen of [error, JSON.parse(JSON.stringify(error)), { ...error }]) {
    for (const [field, value] of Object.entries(shapes)) {
      assert.equal(seen[field], value, field);
    }
  }
  assert.ok(error instanceof Error);
});

test("an error says whether the same request may be made again", () => {
  assert.equal(new ZegoError(1, "").retryAfterMs, undefined);
  assert.equal(new ZegoError(1, "", null).retryAfterMs, null);
  assert.equal(new ZegoError(1, "", 700).retryAfterMs, 700);
});
