const GESTURES = ["pointerdown", "keydown", "touchend"];

/**
 * Calls `act` with each click, key and touch of the user, which browsers want before a page may be heard.
 *
 * @param {EventTarget} document
 * @param {() => void} act
 * @returns {() => void} Waits no more.
 */
export function onGesture(document, act) {
  GESTURES.forEach((name) => document.addEventListener(name, act));
  return () => GESTURES.forEach((name) => document.removeEventListener(name, act));
}
