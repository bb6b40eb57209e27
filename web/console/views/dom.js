/** What every view needs of the page. Texts of others only ever go through `textContent`. */

/**
 * An element that the page has.
 *
 * @param {string} id
 * @returns {any} The element.
 */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text if it is another, so that readers of the page are not told for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets a toggle button. */
export function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/** Shows or hides; a focus inside what vanishes goes to the main part, for the browser would drop it. */
export function hide(element, hidden) {
  if (hidden && element.contains(document.activeElement)) byId("main").focus();
  element.hidden = hidden;
}

/** Sets a level meter. @param {Element} meter @param {number} level 0 to 100. */
export function setLevel(meter, level) {
  meter.setAttribute("aria-valuenow", String(Math.round(level)));
  // Speech is 10 to 40 on the documented scale; the square root gives quiet voices room to be seen.
  meter.firstElementChild.style.transform = `scaleX(${Math.sqrt(level / 100).toFixed(3)})`;
}

/** A new copy of what a template holds. @returns {any} Its element. */
export function copyOf(templateID) {
  return byId(templateID).content.firstElementChild.cloneNode(true);
}

/**
 * Makes the children of a list those of the items, in their order; elements of items that stay are kept.
 *
 * @template T
 * @param {Element} list
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} create
 * @param {(element: any, item: T) => void} update
 * @param {(element: any) => void} [remove] Called before an element goes.
 */
export function syncList(list, items, keyOf, create, update, remove = () => {}) {
  const keys = new Set(items.map(keyOf));
  const kept = new Map();
  for (const element of [...list.children]) {
    if (keys.has(element.dataset.key)) kept.set(element.dataset.key, element);
    else {
      remove(element);
      element.remove();
    }
  }
  items.forEach((item, index) => {
    let element = kept.get(keyOf(item));
    if (!element) {
      element = create(item);
      element.dataset.key = keyOf(item);
    }
    update(element, item);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

/** Says something to who cannot see it, when the screen reader has a moment. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/**
 * Puts a text on the clipboard.
 *
 * @returns {Promise<boolean>} Whether it worked.
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text);
  }
}

/** Pages that came over plain http have no clipboard object. */
function copyTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  focused?.focus?.();
  return worked;
}
