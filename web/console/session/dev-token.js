/** Tokens for trying things out, from a server that nobody configured (`POST /v1/dev-token`, docs/tokens.md). */

/**
 * Asks a server for a token of 24 h.
 *
 * @param {string} address Of the end point.
 * @param {string} userID
 * @param {typeof fetch} fetch
 * @returns {Promise<{available: boolean, appID?: number, token?: string, problem?: string}>} `available` is `false` where the
 *   end point is not there for this page; `problem` says in words why there is no token although it is.
 */
export async function requestDevToken(address, userID, fetch) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user_id: userID }),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    return { available: false };
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && typeof answer?.token === "string" && Number.isInteger(answer.app_id)) {
    return { available: true, appID: answer.app_id, token: answer.token };
  }
  return response.status === 400 && typeof answer?.error === "string"
    ? { available: true, problem: answer.error }
    : { available: false };
}
