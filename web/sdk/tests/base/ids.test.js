import assert from "node:assert/strict";
import test from "node:test";

import { checkRoomID, checkStreamID, checkUserID, checkUserName, isID } from "../../base/ids.js";

test("ids are refused with their own codes", () => {
  const table = [
    [checkRoomID, "", 1002011],
    [checkRoomID, undefined, 1002011],
    [checkRoomID, 7, 1002011],
    [checkRoomID, "a b", 1002012],
    [checkRoomID, "a/b", 1002012],
    [checkRoomID, "房", 1002012],
    [checkRoomID, "a\n", 1002012],
    [checkRoomID, "x".repeat(129), 1002013],
    [checkRoomID, "房".repeat(43), 1002013],
    [checkUserID, "", 1002005],
    [checkUserID, "a:b", 1002006],
    [checkUserID, "u".repeat(65), 1002007],
    [checkStreamID, null, 1000015],
    [checkStreamID, "a?b", 1000016],
    [checkStreamID, "s".repeat(257), 1000014],
    [checkUserName, {}, 1100001],
    [checkUserName, "n".repeat(257), 1002010],
    [checkUserName, "名".repeat(86), 1002010],
  ];
  for (const [check, value, code] of table) {
    assert.equal(check(value)?.code, code, `${check.name}(${String(value)})`);
  }
});

test("ids of the longest length and of every allowed character pass, and so does any name", () => {
  assert.equal(checkRoomID("r".repeat(128)), undefined);
  assert.equal(checkUserID("u".repeat(64)), undefined);
  assert.equal(checkStreamID("s".repeat(256)), undefined);
  assert.equal(checkStreamID("azAZ09#!$%&()`'*+,-.;<=>@^_~\\"), undefined);
  for (const name of [undefined, null, "", "Ann <b>", "名".repeat(85)]) {
    assert.equal(checkUserName(name), undefined);
  }
});

test("every other ASCII character is refused", () => {
  const allowed = /[0-9A-Za-z#!$%&()`'*+,\-.;<=>@^_~\\]/;
  const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  for (const character of all.filter((character) => !allowed.test(character))) {
    assert.equal(checkStreamID(`a${character}`)?.code, 1000016, JSON.stringify(character));
    assert.equal(isID(`${character}a`, 256), false, JSON.stringify(character));
  }
});
