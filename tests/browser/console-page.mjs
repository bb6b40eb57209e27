// Drives the console page as a user does: by the labels that people read, and by the states that the page shows.

/** Milliseconds to wait for something that the page shows. */
const PATIENCE_MS = 15_000;

/**
 * The control that people know by `label`: a button, a field, a meter.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} label its whole accessible name, for example "Join" or "Volume of bob-voice"
 * @returns {Promise<import("puppeteer-core").ElementHandle>}
 */
export async function control(page, label) {
  const handle = await page.evaluateHandle((wanted) => {
    const own = (element) =>
      [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE || node.localName === "span");
    const text = (element) =>
      own(element)
        .map((node) => node.textContent)
        .join("")
        .replace(/\s+/g, " ")
        .trim();
    const name = (element) => element.getAttribute("aria-label") ?? text(element.labels?.[0] ?? element);
    return [...document.querySelectorAll("button, input, select, summary, [role=meter]")].find(
      (element) => name(element) === wanted,
    );
  }, label);
  const element = handle.asElement();
  if (!element) throw new Error(`the console page has no control named ${JSON.stringify(label)}`);
  return element;
}

/** Presses the button, or opens the fold, of that label. */
export async function press(page, label) {
  await (await control(page, label)).click();
}

/** Puts `text` in the place of what stands in the field of that label. */
export async function fill(page, label, text) {
  const field = await control(page, label);
  await field.evaluate((element) => element.select());
  await (text === "" ? field.press("Delete") : field.type(text));
}

/**
 * Opens the page and waits until it knows whether there are temporary tokens.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} url of the server
 * @param {{user?: string, room?: string, server?: string, appid?: string}} [prefilled] for the address bar
 */
export async function open(page, url, prefilled = {}) {
  await page.goto(`${url}/?${new URLSearchParams(prefilled)}`);
  await page.waitForFunction(() => document.getElementById("token-hint").textContent !== "", { timeout: PATIENCE_MS });
}

/**
 * Opens the page so that it joins by itself, as no user can: nobody has touched it, and the browser's autoplay policy holds back
 * the sound of what it plays. Resolves when the page says so. Whatever puppeteer evaluates in a page counts as a touch, even
 * waiting for a selector; so the page itself looks, and tells through its console.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} url of the server
 * @param {{user: string, room: string}} prefilled a room in which somebody publishes
 */
export async function openUntouched(page, url, prefilled) {
  const told = "the console page holds the sound back";
  const isTold = new Promise((resolve) => page.on("console", (message) => message.text() === told && resolve()));
  await page.evaluateOnNewDocument((text) => {
    addEventListener("load", () => {
      let joined = false;
      const look = setInterval(() => {
        if (!joined && document.getElementById("token-hint").textContent !== "") {
          joined = true;
          document.getElementById("join").requestSubmit();
        }
        if (document.getElementById("autoplay").hidden) return;
        clearInterval(look);
        console.log(text);
      }, 50);
    });
  }, told);
  await page.goto(`${url}/?${new URLSearchParams(prefilled)}`);
  await patiently(isTold, told);
}

/**
 * Fills in the form, joins, and waits until the room is connected.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {{user: string, room: string, name?: string, token?: string}} who without a token, the page fetches a temporary one
 */
export async function join(page, { user, room, name = "", token = "" }) {
  await fill(page, "Room", room);
  await fill(page, "User ID", user);
  await fill(page, "Name shown to others (optional)", name);
  await fill(page, "Token", token);
  await press(page, "Join");
  await state(page, "room", "CONNECTED");
}

/** Publishes the microphone under `streamID`, and waits until it is on air. */
export async function publish(page, streamID) {
  await fill(page, "Stream ID", streamID);
  await press(page, "Publish");
  await state(page, "publisher", "PUBLISHING");
}

/** Sees to it that `streamID` is played, and waits until it is. */
export async function play(page, streamID) {
  await streamCard(page, streamID);
  const button = await control(page, `Play ${streamID}`).catch(() => undefined);
  await button?.click();
  await streamState(page, streamID, "PLAYING");
}

/** Whether streams are played as they appear; the page begins with yes. */
export async function playAutomatically(page, wanted) {
  const box = await control(page, "Play all automatically");
  if ((await box.evaluate((element) => element.checked)) !== wanted) await box.click();
}

/** Sends a message of a kind: "broadcast", "barrage" or "command". */
export async function send(page, text, kind = "broadcast") {
  await (await control(page, "Kind")).select(kind);
  await fill(page, "Message", text);
  await press(page, "Send");
}

/** Leaves the room. */
export async function leave(page) {
  await press(page, "Leave");
  await state(page, "room", "DISCONNECTED");
}

/**
 * Waits for a state in the page's head.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {"room" | "publisher" | "player"} of
 * @param {string} wanted the documented word, for example "CONNECTED", "PUBLISHING", "PLAYING"
 */
export async function state(page, of, wanted) {
  await waitFor(page, `#${of}-state[data-state="${wanted}"]`);
}

/** Waits for the card of a stream, own or others'. */
export async function streamCard(page, streamID) {
  return waitFor(page, `#streams > li:is([data-key="${streamID}"], [data-key="own ${streamID}"])`);
}

/** Waits for the state of one stream's card: "NO_PLAY", "PLAY_REQUESTING", "PLAYING", "PUBLISHING". */
export async function streamState(page, streamID, wanted) {
  await waitFor(page, `#streams > li[data-key="${streamID}"][data-state="${wanted}"]`);
}

/** Waits until no sound is held back; the button for it is "Click to hear". */
export async function heard(page) {
  await page.waitForFunction(() => document.getElementById("autoplay").hidden, { timeout: PATIENCE_MS });
}

/** What the meter of a stream shows, 0 to 100. */
export async function level(page, streamID) {
  const meter = await control(page, `Level of ${streamID}`);
  return Number(await meter.evaluate((element) => element.getAttribute("aria-valuenow")));
}

/** The newest figures of a stream by their labels: `{Bitrate: "48 kbit/s", …}`; "–" where nothing is known. */
export async function figures(page, streamID) {
  const card = await streamCard(page, streamID);
  return card.evaluate((element) => {
    const captions = [...element.querySelectorAll(".charts figcaption")];
    return Object.fromEntries(captions.map(({ children: [label, value] }) => [label.textContent, value.textContent]));
  });
}

/** What the page shows of people, streams, messages and problems, as text. */
export function shown(page) {
  return page.evaluate(() => {
    const texts = (selector) =>
      [...document.querySelectorAll(selector)].map((element) => element.textContent.replace(/\s+/g, " ").trim());
    return {
      people: texts("#people .name"),
      streams: texts("#streams .stream-id"),
      extraInfo: texts("#streams .extra"),
      messages: texts("#messages li p:last-child"),
      problems: texts("#problems p"),
      events: texts("#log strong"),
    };
  });
}

async function patiently(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain until ${what}`)), PATIENCE_MS);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function waitFor(page, selector) {
  try {
    return await page.waitForSelector(selector, { timeout: PATIENCE_MS });
  } catch (error) {
    throw new Error(`the console page never showed ${selector}; it shows ${JSON.stringify(await shown(page))}`, {
      cause: error,
    });
  }
}
