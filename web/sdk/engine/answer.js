import { codes } from "../base/codes.js";

/**
 * How calls answer that neither throw nor reject, as documented.
 * @module
 */

/**
 * Calls that resolve with a code whatever happens.
 *
 * @param {() => unknown} act
 * @returns {Promise<{errorCode: number, extendedData: string}>}
 */
export async function answer(act) {
  try {
    await act();
    return { errorCode: codes.SUCCESS, extendedData: "" };
  } catch (error) {
    return { errorCode: error.code ?? codes.PUBLISHER_GET_USER_MEDIA_FAIL, extendedData: error.message };
  }
}

/**
 * Calls that return `false` where they fail; why is written to the console.
 *
 * @param {string} name Of the call.
 * @param {() => void} act
 * @returns {boolean}
 */
export function accepted(name, act) {
  try {
    act();
    return true;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    return false;
  }
}
